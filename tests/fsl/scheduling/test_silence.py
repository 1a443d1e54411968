"""What should have happened and did not is told, with its reason; what is merely early or new is not."""

from datetime import UTC, datetime, timedelta

import pytest

from fsl.config import RunConfig
from fsl.config.file import parse_config
from fsl.errors import ConfigError
from fsl.scheduling.silence import Heard, find_alarms

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def config(extra: str = "") -> RunConfig:
    text = "project: tickets\nschedule: {cycle: '0 3 * * *', housekeeping: null}\n"
    return parse_config(text + extra, where="test")


def words(heard: Heard, now: datetime = NOON, extra: str = "") -> list[str]:
    return [alarm.words for alarm in find_alarms(heard, config(extra), now=now)]


def test_a_schedule_that_ran_when_it_was_due_is_not_told() -> None:
    assert words(Heard(LONG_AGO, {"cycle": datetime(2026, 3, 10, 3, 0, 4, tzinfo=UTC)})) == []


def test_a_schedule_that_missed_its_time_is_told_with_both_times() -> None:
    assert words(Heard(LONG_AGO, {"cycle": datetime(2026, 3, 9, 3, 0, 4, tzinfo=UTC)})) == [
        "cycle was due at 2026-03-10 03:00 UTC and did not run; it last ran 33 h ago (schedule.cycle: '0 3 * * *'). "
        "Is a worker there? fsl status"
    ]


@pytest.mark.parametrize(("minutes", "n"), [(29, 0), (31, 1)])
def test_a_schedule_has_its_grace(minutes: int, n: int) -> None:
    now = datetime(2026, 3, 10, 3, 0, tzinfo=UTC) + timedelta(minutes=minutes)

    assert len(words(Heard(LONG_AGO, {"cycle": datetime(2026, 3, 9, 3, 0, tzinfo=UTC)}), now)) == n


def test_what_was_due_before_the_config_held_is_not_missed_and_after_it_is() -> None:
    assert words(Heard(since=datetime(2026, 3, 10, 3, 5, tzinfo=UTC))) == []
    (told,) = words(Heard(since=datetime(2026, 3, 10, 2, 55, tzinfo=UTC)))
    assert "it never ran" in told


def test_the_same_silence_has_the_same_name_and_the_next_one_another() -> None:
    heard = Heard(LONG_AGO)
    days = [NOON, NOON + timedelta(hours=3), NOON + timedelta(days=1)]

    first, same, following = (find_alarms(heard, config(), now=now)[0].what for now in days)

    assert first == same != following


@pytest.mark.parametrize(("minutes", "n"), [(59, 0), (61, 1)])
def test_a_drop_that_nobody_takes_in_is_told_by_its_name_and_age(minutes: int, n: int) -> None:
    drop = NOON - timedelta(minutes=minutes)
    ran = {"cycle": NOON}

    told = words(Heard(LONG_AGO, ran, n_waiting=3, oldest_drop=drop, oldest_name="märz.jsonl"))

    assert len(told) == n
    if told:
        assert told[0].startswith("3 files wait in the inbox, märz.jsonl for 61 min (silence.inbox_minutes: 60)")


def test_a_worker_that_is_gone_is_told_first_and_one_that_was_heard_is_not() -> None:
    workers = {"fsl": NOON - timedelta(minutes=4), "gpu": None, "other": NOON - timedelta(minutes=2)}

    told = words(Heard(LONG_AGO, {}, workers=workers))

    assert told[0].startswith("no worker of the work pool fsl was heard of for 4 min, so nothing runs there")
    assert told[1] == (
        "no worker was ever heard of in the work pool gpu, so nothing runs there. Start one: fsl up, or "
        "prefect worker start --pool gpu"
    )
    assert told[2].startswith("cycle was due")
    assert len(told) == 3


def test_bounds_are_the_configs() -> None:
    heard = Heard(LONG_AGO, {"cycle": NOON}, 1, NOON - timedelta(minutes=10), "a.csv")

    assert words(heard, extra="silence: {inbox_minutes: 5}") != []
    assert words(heard, extra="silence: {inbox_minutes: 15}") == []


@pytest.mark.parametrize("bad", ["team", "slack-webhook/", "slack-webhook/../x", "/team"])
def test_a_block_that_is_named_wrongly_is_refused_with_an_example(bad: str) -> None:
    with pytest.raises(ConfigError, match="such as slack-webhook/team"):
        config(f"silence: {{notify: ['{bad}']}}")
