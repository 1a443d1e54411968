"""When a retrain is due."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fsl.config import TriggerConfig
from fsl.scheduling.triggers import Audited, Due, Facts, Spent, decide_retrain, is_retrain_due

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


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SINCE = "since the champion was trained"


def decide(facts: Facts, *, timezone: str = "UTC", **triggers: Any) -> Due:
    return decide_retrain(facts, TriggerConfig(**{"min_new_rows": 200} | triggers), timezone=timezone, now=NOW)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def test_few_rows_wait_for_more_and_not_for_ever() -> None:
    facts = Facts(12, SINCE, oldest_new=ago(25))

    assert not decide(facts).yes
    assert not decide(facts, max_wait_hours=26).yes
    assert decide(facts, max_wait_hours=24) == Due(
        True, "12 new rows, the first 25.0 h ago (triggers.max_wait_hours: 24)"
    )


def test_without_new_rows_nothing_waits() -> None:
    assert not decide(Facts(0, SINCE, oldest_new=ago(99)), max_wait_hours=24).yes


def test_drift_is_a_reason_where_the_config_lets_it_be_one() -> None:
    facts = Facts(0, SINCE, drift="the texts changed")

    assert decide(facts) == Due(True, "drift: the texts changed")
    assert decide(facts, on_drift=False) == Due(
        False,
        "0 new rows since the champion was trained, 200 short of triggers.min_new_rows; drift asked for one, and "
        "triggers.on_drift is off (the texts changed)",
    )


def test_accuracy_counts_only_where_it_is_surely_below() -> None:
    unsure, sure = Audited(40, 0.80, upper=0.91), Audited(400, 0.80, upper=0.84)

    assert not decide(Facts(0, SINCE, audited=unsure), min_audited_accuracy=0.85).yes
    assert not decide(Facts(0, SINCE, audited=sure)).yes
    assert decide(Facts(0, SINCE, audited=sure), min_audited_accuracy=0.85).reason == (
        "accuracy is 80.0% on 400 audited rows, and surely below 84.0% (triggers.min_audited_accuracy: 85.0%)"
    )


@pytest.mark.parametrize(
    ("facts", "triggers", "words"),
    [
        ({}, {"quiet_hours": "08:00-18:00"}, "the hours are quiet until 18:00 UTC"),
        ({"last_retrain": ago(2)}, {"min_hours_between": 6}, "the last retrain began 2.0 h ago"),
        ({"spent": Spent(3, 5)}, {"max_retrains_per_day": 3}, "there were 3 retrains in 24 hours"),
        ({"spent": Spent(1, 61)}, {"max_minutes_per_day": 60}, "retrains took 61 minutes in 24 hours"),
    ],
)
def test_a_retrain_that_is_due_waits_and_says_for_what(
    facts: dict[str, Any], triggers: dict[str, Any], words: str
) -> None:
    held = decide(Facts(250, SINCE, **facts), **triggers)

    assert not held.yes
    assert held.reason.startswith("250 new rows since the champion was trained (triggers.min_new_rows: 200). But ")
    assert words in held.reason
    assert decide(Facts(250, SINCE, **facts)).yes


def test_bounds_that_are_just_not_reached_hold_nothing_back() -> None:
    facts = Facts(250, SINCE, last_retrain=ago(6), spent=Spent(2, 59.9))

    assert decide(facts, min_hours_between=6, max_retrains_per_day=3, max_minutes_per_day=60).yes


def test_quiet_hours_are_those_of_the_projects_zone() -> None:
    assert decide(Facts(250, SINCE), quiet_hours="08:00-18:00", timezone="America/Los_Angeles").yes  # 4 in the morning


def test_a_person_is_never_held_back() -> None:
    facts = Facts(0, SINCE, last_retrain=ago(0.1), spent=Spent(9, 999), asked_by="mei")

    assert decide(facts, quiet_hours="00:00-23:59", max_retrains_per_day=1, min_hours_between=24) == Due(
        True, "mei asked for it"
    )


def test_every_reason_is_told() -> None:
    due = decide(Facts(250, SINCE, oldest_new=ago(30), drift="the texts changed"), max_wait_hours=24)

    assert due.reason.count("; ") == 2
