"""Cron lines, time zones and quiet hours."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from fsl.scheduling.schedules import (
    checked_cron,
    checked_hours,
    checked_timezone,
    last_due,
    next_due,
    quiet_until,
    spread,
)


@pytest.mark.parametrize("line", ["0 3 * * *", "*/15 8-18 * * MON-FRI", "5,35 0 1 JAN *", "0 0 29 2 *"])
def test_a_cron_line_is_kept_as_it_is(line: str) -> None:
    assert checked_cron(line) == line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("every night", "five fields"),
        ("0 3 * * * *", "five fields"),
        ("@daily", "five fields"),
        ("", "five fields"),
        ("61 3 * * *", 'bad minute.*is "0 3'),
        ("0 3 * * 凌晨", "bad day-of-week"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("x\n0 3 * * *", "five fields"),
    ],
)
def test_what_is_no_cron_line_is_told_so(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked_cron(line)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "Europe/Berlin\n", "é"])
def test_a_zone_that_does_not_exist_is_told_so(name: str) -> None:
    with pytest.raises(ValueError, match="no such time zone"):
        checked_timezone(name)


def test_a_line_is_due_in_its_own_zone() -> None:
    noon = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)  # Berlin is two hours ahead in summer

    assert next_due("0 3 * * *", "Europe/Berlin", after=noon) == datetime(2026, 7, 2, 1, 0, tzinfo=UTC)
    assert last_due("0 3 * * *", "Europe/Berlin", before=noon) == datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "hour", "until"),
    [
        ("22:00-06:00", 23, (2, 6)),
        ("22:00-06:00", 5, (1, 6)),
        ("22:00-06:00", 6, None),
        ("22:00-06:00", 21, None),
        ("08:00-18:00", 8, (1, 18)),
        ("08:00-18:00", 18, None),
        (None, 12, None),
    ],
)
def test_quiet_hours_may_go_past_midnight(hours: str | None, hour: int, until: tuple[int, int] | None) -> None:
    zone = ZoneInfo("Asia/Tokyo")

    found = quiet_until(hours, "Asia/Tokyo", datetime(2026, 3, 1, hour, tzinfo=zone))

    assert found == (datetime(2026, 3, until[0], until[1], tzinfo=zone) if until else None)


@pytest.mark.parametrize("text", ["night", "22:00", "22:00-25:00", "06:00-06:00", "22-06-08"])
def test_quiet_hours_that_are_none_are_told_so(text: str) -> None:
    with pytest.raises(ValueError, match="22:00-06:00"):
        checked_hours(text)


def test_jitter_is_a_projects_own_and_stays_within_the_hour() -> None:
    lines = {spread("0 3 * * *", f"project-{n}", "retrain", jitter_minutes=10) for n in range(200)}

    assert lines == {f"{minute} 3 * * *" for minute in range(11)}
    assert spread("0 3 * * *", "a", "retrain", jitter_minutes=10) == spread(
        "0 3 * * *", "a", "retrain", jitter_minutes=10
    )
    assert {spread("*/15 * * * *", f"p{n}", "cycle", jitter_minutes=59) for n in range(300)} == {
        f"{m},{m + 15},{m + 30},{m + 45} * * * *" for m in range(1, 15)
    } | {"0,15,30,45 * * * *"}
    assert spread("0 3 * * *", "a", "retrain", jitter_minutes=0) == "0 3 * * *"
