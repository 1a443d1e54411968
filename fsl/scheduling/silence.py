"""Silence is an alarm: a pure decision on what should have happened by now and did not, with its reasons.

What it decides on is gathered by whoever can ask an orchestrator and a store; whom it is told to is `silence.notify`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from fsl.config import RunConfig
from fsl.scheduling.schedules import last_due, spread

SCHEDULED = ("cycle", "drift", "housekeeping", "ingest", "retrain", "watch")
EARLY = timedelta(minutes=1)  # a run may begin a moment before it is due


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that should have happened and did not."""

    kind: Literal["schedule", "inbox", "worker"]
    what: str  # the same for the same silence, so that it is told once
    words: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a project when it is asked."""

    since: datetime  # its config holds: what was due before counts for nothing
    last_runs: Mapping[str, datetime] = field(default_factory=dict)  # the last start by flow
    n_waiting: int = 0  # files in the inbox that no batch has claimed
    oldest_drop: datetime | None = None
    oldest_name: str = ""
    workers: Mapping[str, datetime | None] = field(default_factory=dict)  # last heard of, by pool


def find_alarms(heard: Heard, config: RunConfig, *, now: datetime) -> tuple[Alarm, ...]:
    """Return what is too silent, the most telling first: a worker that is gone explains the rest."""
    return (*_workers(heard, config, now), *_schedules(heard, config, now), *_inbox(heard, config, now))


def _workers(heard: Heard, config: RunConfig, now: datetime) -> Iterator[Alarm]:
    bound = timedelta(minutes=config.silence.worker_minutes)
    for pool, last in heard.workers.items():
        if last is None:
            words = f"no worker was ever heard of in the work pool {pool}, so nothing runs there"
            yield Alarm("worker", f"{pool}", f"{words}. Start one: fsl up, or prefect worker start --pool {pool}")
        elif now - last > bound:
            words = f"no worker of the work pool {pool} was heard of for {_span(now - last)}, so nothing runs there"
            bound_words = f"silence.worker_minutes: {config.silence.worker_minutes:g}"
            yield Alarm("worker", f"{pool} {last:%Y-%m-%dT%H:%M}", f"{words} ({bound_words}). Is its machine up?")


def _schedules(heard: Heard, config: RunConfig, now: datetime) -> Iterator[Alarm]:
    grace = timedelta(minutes=config.silence.schedule_minutes)
    for flow in SCHEDULED:
        line: str | None = getattr(config.schedule, flow)
        if line is None:
            continue
        moved = spread(line, config.project, flow, jitter_minutes=config.schedule.jitter_minutes)
        due = last_due(moved, config.schedule.timezone, before=now - grace)
        last = heard.last_runs.get(flow)
        if due <= heard.since or (last is not None and last >= due - EARLY):
            continue
        ran = f"last ran {_span(now - last)} ago" if last else "never ran"
        yield Alarm(
            "schedule",
            f"{flow} {due:%Y-%m-%dT%H:%M%z}",
            f"{flow} was due at {due:%Y-%m-%d %H:%M} {config.schedule.timezone} and did not run; it {ran} "
            f"(schedule.{flow}: {line!r}). Is a worker there? fsl status",
        )


def _inbox(heard: Heard, config: RunConfig, now: datetime) -> Iterator[Alarm]:
    bound = timedelta(minutes=config.silence.inbox_minutes)
    if heard.oldest_drop is not None and now - heard.oldest_drop > bound:
        files = "1 file waits" if heard.n_waiting == 1 else f"{heard.n_waiting} files wait"
        yield Alarm(
            "inbox",
            f"{heard.oldest_name} {heard.oldest_drop:%Y-%m-%dT%H:%M:%S}",
            f"{files} in the inbox, {heard.oldest_name} for {_span(now - heard.oldest_drop)} "
            f"(silence.inbox_minutes: {config.silence.inbox_minutes:g}). Take it in: fsl ingest; or move it out: "
            f"fsl data set-aside",
        )


def _span(span: timedelta) -> str:
    minutes = span.total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
