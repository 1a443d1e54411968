"""The split of a row: for life, by the project's key, in the shares that the config names."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsl.config import SplitConfig
from fsl.data.splits import load_split_key, split_beside, split_of
from fsl.samples import Split
from fsl.store.objects import ObjectStore

KEY = bytes(range(32))
SHARES = SplitConfig()


def test_shares_come_out_within_binomial_bounds() -> None:
    n = 20_000
    counts = Counter(split_of(f"group-{index}", KEY, SHARES) for index in range(n))

    for split, share in ((Split.TRAIN, 0.7), (Split.TUNE, 0.1), (Split.JUDGE, 0.2)):
        assert abs(counts[split] - n * share) < 5 * math.sqrt(n * share * (1 - share))


def test_the_split_of_a_group_never_changes() -> None:
    # HMAC-SHA256 of "group-0" … "group-3" under this key, by openssl, begins at these shares of the range:
    # 0.509, 0.121, 0.942, 0.919; judge ends at 0.2, tune at 0.3.
    assert [split_of(f"group-{index}", KEY, SHARES).value for index in range(4)] == ["train", "judge", "train", "train"]


def test_another_key_draws_another_split() -> None:
    groups = [f"group-{index}" for index in range(200)]

    assert [split_of(group, KEY, SHARES) for group in groups] != [
        split_of(group, KEY[::-1], SHARES) for group in groups
    ]


@given(st.text(), st.floats(0, 0.8), st.floats(0, 0.8))
def test_moving_rows_between_train_and_tune_moves_no_judge_row(group: str, one: float, other: float) -> None:
    splits = {
        split_of(group, KEY, SplitConfig(train=0.8 - tune, tune=tune, judge=0.2)) is Split.JUDGE
        for tune in (one, other)
    }

    assert len(splits) == 1


@pytest.mark.parametrize("split", [Split.TRAIN, Split.TUNE, Split.JUDGE])
def test_a_share_of_one_takes_all(split: Split) -> None:
    shares = SplitConfig(**{name: float(name == split) for name in ("train", "tune", "judge")})

    assert {split_of(f"group-{index}", KEY, shares) for index in range(100)} == {split}


def test_a_row_joins_its_near_duplicates_and_one_between_two_splits_is_barred() -> None:
    assert split_beside(Split.TRAIN, ()) is Split.TRAIN
    assert split_beside(Split.TRAIN, (Split.JUDGE, Split.JUDGE)) is Split.JUDGE
    assert split_beside(Split.TRAIN, (Split.JUDGE, Split.BARRED)) is Split.JUDGE
    assert split_beside(Split.TRAIN, (Split.JUDGE, Split.TRAIN)) is Split.BARRED
    assert split_beside(Split.TRAIN, (Split.BARRED,)) is Split.TRAIN


def test_a_project_keeps_its_split_key(store: ObjectStore) -> None:
    key = load_split_key(store, "tickets")

    assert len(key) == 32
    assert load_split_key(store, "tickets") == key
