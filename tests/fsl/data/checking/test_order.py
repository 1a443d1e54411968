"""A law: what becomes of the rows of a file does not depend on their order."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.config import DataConfig, ProblemConfig, RunConfig
from fsl.data.checking.kin import Kin
from fsl.data.checking.labels import LabelRule, decide_labels
from fsl.data.checking.relations import Known, digest_of, relate, sameness_of
from fsl.data.checking.sifting import Verdicts, sift
from fsl.data.checking.staging import stage_file
from fsl.data.checking.validation import Validator
from fsl.data.minhash import build_signatures
from fsl.data.near_duplicates import needed_agreement
from fsl.data.normalise import group_of, normal_form
from fsl.data.quarantine import parse_refused
from fsl.data.signed_rows import SignedRows
from fsl.data.splits import SplitRule
from fsl.problems import find_problem

KIN = ("please cancel my card today", "where is the parcel that I sent on monday")
EARLIER = SignedRows(build_signatures([normal_form(text) for text in KIN]), np.array([1, 4], dtype=np.uint8))

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Outcome = list[list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator.open()


def outcome_of(lines: Sequence[bytes], kind: Any, validator: Validator) -> Outcome:
    """Take lines through both passes; return accepted, unlabelled and refused rows as sorted lists."""
    config = RunConfig(
        project="p", problem=ProblemConfig(kind=kind), data=DataConfig.model_validate({"time_column": "time"})
    )
    problem = find_problem(kind)
    known_text = "known text"
    key = sameness_of(known_text, group_of(known_text), problem.unit)
    known = {key: Known(digest_of('"a"'), ("a",), 1, "x:1")}
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "source").write_bytes(b"\n".join(lines))
        staged = stage_file(folder / "source", "a.jsonl", config, problem, validator, folder, NOW)
        relations = relate(staged.survey, known, problem)
        labels = decide_labels(relations.distinct, frozenset("a"), LabelRule("accept", 2))
        kin = Kin(staged.signed, SplitRule(b"key", config.data.splits), needed_agreement(0.85))
        kin.meet([EARLIER])
        sifted = sift(staged, Verdicts(relations, labels, kin.place()), validator, folder)
        rows = pq.read_table(sifted.rows.path).to_pylist()
        pool = pq.read_table(sifted.pool.path).to_pylist()
        refused = list(parse_refused(sifted.quarantine.path.read_bytes().split(b"\n")))
    assert len(rows) + len(pool) + len(refused) == staged.n_read
    return [
        sorted((row["text"], row["target"], row["split"], row["group"], str(row["time"])) for row in rows),
        sorted((row["text"], row["group"], str(row["time"])) for row in pool),
        sorted((row.raw, tuple(reason.code for reason in row.reasons)) for row in refused),
    ]


WORDS = ["hello", "Hello!", "HELLO", "bye", "bye now", "known text", "Known text?", "", "x\0", "你好"]
# The first two are close to the first of KIN, the last to the second.
CHAIN = [
    "Please cancel my card today!!",
    "Please, cancel my cards today",
    "where is the parcel that I sent on mondays?",
]
TEXTS = st.sampled_from([*WORDS, *CHAIN])
LABELS = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "bb", ""]), st.integers())
SPANS = st.one_of(
    st.none(),
    st.lists(st.tuples(st.just(0), st.integers(1, 4), st.sampled_from(["a", "b", "c"])).map(list), max_size=2),
)
SETS = st.one_of(st.none(), st.integers(), st.lists(st.sampled_from(["a", "b", "c", "bb", ""]), max_size=3))
TIMES = st.sampled_from([None, "2026-01-01", "2026-01-02", "1803-05-01", "never"])


def lines_of(targets: st.SearchStrategy[Any], column: str) -> st.SearchStrategy[list[bytes]]:
    rows = st.fixed_dictionaries({"text": TEXTS, column: targets, "time": TIMES, "agent": st.sampled_from("xy")})
    line = st.one_of(rows.map(lambda row: json.dumps(row).encode()), st.sampled_from([b"broken", b"\xff", b"[]"]))
    return st.lists(line, min_size=1, max_size=30)


@settings(max_examples=30, deadline=None)
@given(lines=lines_of(LABELS, "label"), seed=st.integers(0, 1_000))
def test_labelled_texts_fare_the_same_in_any_order(validator: Validator, lines: list[bytes], seed: int) -> None:
    _check(lines, "classification", seed, validator)


@settings(max_examples=15, deadline=None)
@given(lines=lines_of(SPANS, "spans"), seed=st.integers(0, 1_000))
def test_tagged_texts_fare_the_same_in_any_order(validator: Validator, lines: list[bytes], seed: int) -> None:
    _check(lines, "tagging", seed, validator)


@settings(max_examples=15, deadline=None)
@given(lines=lines_of(SETS, "labels"), seed=st.integers(0, 1_000))
def test_texts_with_sets_of_labels_fare_the_same_in_any_order(
    validator: Validator, lines: list[bytes], seed: int
) -> None:
    _check(lines, "multilabel", seed, validator)


def _check(lines: list[bytes], kind: str, seed: int, validator: Validator) -> None:
    shuffled = random.Random(seed).sample(lines, len(lines))
    outcomes = [outcome_of(order, kind, validator) for order in (lines, shuffled)]

    assert outcomes[0] == outcomes[1]
