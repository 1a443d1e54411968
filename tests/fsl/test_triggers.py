"""When a retrain is due."""

import pytest

from fsl.config import TriggerConfig
from fsl.triggers import Due, is_retrain_due

CONFIG = TriggerConfig(min_new_rows=200)


@pytest.mark.parametrize("n_rows", [200, 201])
def test_enough_new_rows_make_a_retrain_due(n_rows: int) -> None:
    due = is_retrain_due(n_rows, has_champion=True, config=CONFIG)

    assert due == Due(True, f"{n_rows} new rows since the champion was trained (triggers.min_new_rows: 200)")


def test_too_few_say_how_many_are_missing() -> None:
    due = is_retrain_due(199, has_champion=True, config=CONFIG)

    assert due == Due(False, "199 new rows since the champion was trained, 1 short of triggers.min_new_rows")


def test_a_first_champion_waits_for_as_many_rows_as_a_later_one() -> None:
    assert not is_retrain_due(0, has_champion=False, config=CONFIG).yes
    assert is_retrain_due(200, has_champion=False, config=CONFIG) == Due(
        True, "200 new rows and there is no champion yet (triggers.min_new_rows: 200)"
    )
