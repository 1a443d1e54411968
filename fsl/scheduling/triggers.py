"""When a retrain is due: a pure decision with its reason, also when the answer is no.

What it decides on is gathered in `fsl.scheduling.trigger_facts`; what it compares with is the config's `triggers`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from fsl.config import TriggerConfig
from fsl.scheduling.schedules import quiet_until


@dataclass(frozen=True)
class Due:
    """Whether to retrain now, and why or why not."""

    yes: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Audited:
    """Audited rows of served traffic: drawn by chance alone, and labelled afterwards."""

    n_rows: int
    accuracy: float
    upper: float  # one-sided 97.5% bound: accuracy is hardly above it


@dataclass(frozen=True, slots=True)
class Spent:
    """Retrains of the last 24 hours, those that ended in nothing new left out."""

    n_retrains: int = 0
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when it is asked."""

    n_new_rows: int  # accepted labelled rows that no retrain has judged by
    since: str  # what they are new since, in words
    oldest_new: datetime | None = None  # when the first of them came in
    last_retrain: datetime | None = None  # when the last began
    spent: Spent = Spent()
    drift: str | None = None  # why drift asked for a retrain, where it did since the last
    audited: Audited | None = None
    asked_by: str | None = None  # the person or the schedule that wants one now


def decide_retrain(facts: Facts, config: TriggerConfig, *, timezone: str, now: datetime) -> Due:
    """Decide whether to retrain now.

    A person is obeyed at once. Everything else waits for quiet hours to end and for its turn within the budget, and is
    asked again by the next batch or cycle.
    """
    if facts.asked_by is not None:
        return Due(True, f"{facts.asked_by} asked for it")
    wishes = tuple(_wishes(facts, config, now))
    if not wishes:
        return Due(False, _what_is_missing(facts, config))
    holds = tuple(_holds(facts, config, timezone, now))
    if holds:
        return Due(False, f"{'; '.join(wishes)}. But {'; '.join(holds)}")
    return Due(True, "; ".join(wishes))


def is_retrain_due(n_new_rows: int, *, has_champion: bool, config: TriggerConfig) -> Due:
    """Decide by the amount of new rows alone.

    Args:
        n_new_rows: labelled rows accepted since the champion's snapshot; all rows where there is no champion.
    """
    since = "since the champion was trained" if has_champion else "and there is no champion yet"
    facts = Facts(n_new_rows, since)
    wishes = tuple(_by_rows(facts, config))
    return Due(True, wishes[0]) if wishes else Due(False, _what_is_missing(facts, config))


def _wishes(facts: Facts, config: TriggerConfig, now: datetime) -> Iterator[str]:
    """Yield each reason for a retrain."""
    yield from _by_rows(facts, config)
    if facts.n_new_rows and facts.oldest_new is not None and config.max_wait_hours is not None:
        waited = now - facts.oldest_new
        if waited >= timedelta(hours=config.max_wait_hours):
            yield (
                f"{facts.n_new_rows} new rows, the first {_hours(waited)} ago "
                f"(triggers.max_wait_hours: {config.max_wait_hours:g})"
            )
    if facts.drift is not None and config.on_drift:
        yield f"drift: {facts.drift}"
    audited, least = facts.audited, config.min_audited_accuracy
    if audited is not None and least is not None and audited.upper < least:
        yield (
            f"accuracy is {audited.accuracy:.1%} on {audited.n_rows} audited rows, and surely below "
            f"{audited.upper:.1%} (triggers.min_audited_accuracy: {least:.1%})"
        )


def _by_rows(facts: Facts, config: TriggerConfig) -> Iterator[str]:
    if facts.n_new_rows >= config.min_new_rows:
        yield f"{facts.n_new_rows} new rows {facts.since} (triggers.min_new_rows: {config.min_new_rows})"


def _holds(facts: Facts, config: TriggerConfig, timezone: str, now: datetime) -> Iterator[str]:
    """Yield each reason to wait all the same."""
    until = quiet_until(config.quiet_hours, timezone, now)
    if until is not None:
        yield f"the hours are quiet until {until:%H:%M} {timezone} (triggers.quiet_hours: {config.quiet_hours})"
    if facts.last_retrain is not None and now - facts.last_retrain < timedelta(hours=config.min_hours_between):
        yield (
            f"the last retrain began {_hours(now - facts.last_retrain)} ago "
            f"(triggers.min_hours_between: {config.min_hours_between:g})"
        )
    spent = facts.spent
    if config.max_retrains_per_day is not None and spent.n_retrains >= config.max_retrains_per_day:
        yield (
            f"there were {spent.n_retrains} retrains in 24 hours "
            f"(triggers.max_retrains_per_day: {config.max_retrains_per_day})"
        )
    if config.max_minutes_per_day is not None and spent.minutes >= config.max_minutes_per_day:
        yield (
            f"retrains took {spent.minutes:.0f} minutes in 24 hours "
            f"(triggers.max_minutes_per_day: {config.max_minutes_per_day:g})"
        )


def _what_is_missing(facts: Facts, config: TriggerConfig) -> str:
    short = config.min_new_rows - facts.n_new_rows
    drift = f"; drift asked for one, and triggers.on_drift is off ({facts.drift})" if facts.drift else ""
    return f"{facts.n_new_rows} new rows {facts.since}, {short} short of triggers.min_new_rows{drift}"


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.1f} h"
