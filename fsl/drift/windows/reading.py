"""The two windows that are compared: what a version served first, and what it served last.

The reference is the version's own first traffic, never labelled rows; a new version starts a new one. The log is
partitioned by hour, so only the hours at both ends are read.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from fsl.config import DriftConfig
from fsl.drift.errors import NoPredictions, TooFewRows
from fsl.drift.windows.pins import read_pin, write_pin
from fsl.drift.windows.prediction_files import read_files
from fsl.drift.windows.prediction_rows import build_window
from fsl.drift.windows.window import Window
from fsl.problems.base import Problem
from fsl.store import layout
from fsl.store.objects import ObjectStore

_log = logging.getLogger(__name__)
_CLOCK_SLACK = timedelta(minutes=5)
_LONG_GAP = timedelta(hours=24)
_MAX_HOURS_ROWS = 10_000


@dataclass(frozen=True)
class Windows:
    """What was read from the log."""

    reference: Window
    current: Window
    notes: tuple[str, ...]  # what was left out, and why
    unusable_share: float = 0.0  # of the version's served rows that were read
    earlier: Window | None = None  # rows just before the current ones, as many; a change may build up over both


def read_windows(
    store: ObjectStore,
    config: DriftConfig,
    problem: Problem,
    *,
    version: str | None = None,
    since: datetime | None = None,
    now: datetime | None = None,
) -> Windows:
    """Return a version's first served rows, and the last of those that came after.

    The first look at a version settles which rows its reference is: rows that come late, or a clock that goes
    backwards, do not move it afterwards.

    Args:
        version: default: the one that served the last row.
        since: hours before this one are not looked at; the version's promotion is a good choice.
        now: rows of a later time are left out, since only a wrong clock can have written them.

    Raises:
        NoPredictions: nothing was served.
        TooFewRows: not enough for both windows.
    """
    log = _PredictionLog(store, problem, _list_hours(store, since))
    served = version or log.last_version()
    if served is None:
        raise NoPredictions(store.where(layout.PREDICTIONS), version)
    # Twice as many, so that rows which came late do not hide those that were settled.
    first = log.take(served, log.hours, 2 * config.reference_rows)
    reference = _settle_reference(store, first, config.reference_rows, log.notes)
    last = log.take(
        served,
        log.hours[::-1],
        reference.n_rows + 2 * config.window_rows,
        hours_back=2 * config.window_hours if config.window_hours else None,
    )
    known = set(reference.ids)
    fresh = [row for row, row_id in enumerate(last.ids) if row_id not in known]
    fresh = _in_time(last, fresh, now, log.notes)
    _require_rows(store, served, reference.n_rows, len(fresh), config)
    latest = _latest(last, fresh, config)
    current = last.pick(latest)
    before = fresh[: -len(latest)][-len(latest) :]
    _note_gaps(current, log.notes)
    _log.info("%s: %d reference rows, %d current rows", served, reference.n_rows, current.n_rows)
    earlier = last.pick(before) if before else None
    return Windows(reference, current, tuple(log.notes), log.unusable_share, earlier)


def _settle_reference(store: ObjectStore, first: Window, n_rows: int, notes: list[str]) -> Window:
    """Return the reference that was settled for the version, or settle it now once there are enough rows."""
    found = read_pin(store, first.version)
    if found is not None:
        place = {row_id: row for row, row_id in enumerate(first.ids)}
        rows = sorted(place[row_id] for row_id in found if row_id in place)
        if len(found) == n_rows and 2 * len(rows) >= n_rows:
            if len(rows) < n_rows:
                notes.append(f"{n_rows - len(rows)} of the reference's {n_rows} rows are gone from the log")
            if rows[0] > 0:
                notes.append(
                    f"{rows[0]} rows are dated before the reference began: they came late, or a clock was wrong"
                )
            return first.pick(rows)
        notes.append("the reference was settled anew: its rows are gone, or drift.reference_rows was changed")
    reference = first.pick(range(min(first.n_rows, n_rows)))
    if reference.n_rows == n_rows:
        write_pin(store, first.version, reference.ids)
    return reference


def _in_time(window: Window, rows: list[int], now: datetime | None, notes: list[str]) -> list[int]:
    """Leave out rows of a time to come, and say so."""
    kept = [row for row in rows if now is None or window.times[row] <= now + _CLOCK_SLACK]
    if len(kept) < len(rows):
        notes.append(f"{len(rows) - len(kept)} rows carry a time to come and were left out: a server's clock is wrong")
    return kept


def _latest(window: Window, rows: list[int], config: DriftConfig) -> list[int]:
    if config.window_hours is None:
        return rows[-config.window_rows :]
    start = window.times[rows[-1]] - timedelta(hours=config.window_hours)
    inside = [row for row in rows if window.times[row] > start][-_MAX_HOURS_ROWS:]
    return inside if len(inside) >= config.min_window_rows else rows[-config.min_window_rows :]


def _note_gaps(window: Window, notes: list[str]) -> None:
    gaps = [(later - earlier, earlier) for earlier, later in pairwise(window.times)]
    longest, since = max(gaps, default=(timedelta(0), None))
    if since is not None and longest >= _LONG_GAP:
        notes.append(f"nothing was served for {longest.total_seconds() / 3600:.0f} hours from {since:%Y-%m-%d %H:%M}")


def read_latest(store: ObjectStore, problem: Problem, *, version: str, since: datetime, n_rows: int) -> Window:
    """Return the last `n_rows` rows that a version served after a time; fewer where there are fewer."""
    log = _PredictionLog(store, problem, _list_hours(store, since) or [()])
    window = log.take(version, log.hours[::-1], n_rows)
    served = [row for row, time in enumerate(window.times) if time >= since]
    return window.pick(served[-n_rows:])


def read_rows(store: ObjectStore, problem: Problem, version: str, ids: Sequence[str]) -> dict[str, str]:
    """Return the texts of served rows by their ids, of those that are still in the log."""
    wanted = set(ids)
    log, found = _PredictionLog(store, problem, _list_hours(store, None)), dict[str, str]()
    for hour in reversed(log.hours):
        window = log.take(version, [hour], 1)
        found |= {row_id: window.texts[row] for row, row_id in enumerate(window.ids) if row_id in wanted}
        if len(found) == len(wanted):
            break
    return found


@dataclass
class _PredictionLog:
    """The log's hours, each read once."""

    store: ObjectStore
    problem: Problem
    hours: list[tuple[str, ...]]  # the keys of each hour, the oldest first
    notes: list[str] = field(default_factory=list)
    unusable_share: float = 0.0
    _tables: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def last_version(self) -> str | None:
        """Return the version of the last row."""
        for hour in reversed(self.hours):
            table = self._read(hour)
            if table.num_rows:
                return str(table.sort_by([("time", "descending"), ("id", "descending")])["version"][0].as_py())
        return None

    def take(
        self, version: str, hours: Sequence[tuple[str, ...]], n_rows: int, *, hours_back: float | None = None
    ) -> Window:
        """Return the version's rows of as many hours, in the order given, as hold `n_rows` of them.

        Args:
            hours_back: read on until the rows reach so far back, too.
        """
        import pyarrow as pa

        read, n_seen = [self._read(())], 0
        built = build_window(read[0], version, self.problem)
        for place, hour in enumerate(hours):
            read.append(self._read(hour))
            n_seen += _count(read[-1], version)
            # Building costs more than counting, so it waits until there can be enough.
            if n_seen >= n_rows or place == len(hours) - 1:
                built = build_window(pa.concat_tables(read), version, self.problem)
                if built.window.n_rows >= n_rows and _reaches(built.window, hours_back):
                    break
        for note in built.notes:
            self._note(note)
        n_read = built.window.n_rows + built.n_unusable
        self.unusable_share = max(self.unusable_share, built.n_unusable / max(1, n_read))
        if built.n_unusable:
            why = "no embedding, no readable answer, or an empty field"
            self._note(f"{built.n_unusable} served rows of {version} cannot be used: {why}")
        return built.window

    def _read(self, hour: tuple[str, ...]) -> Any:
        if hour not in self._tables:
            self._tables[hour], notes = read_files(self.store, hour)
            for note in notes:
                self._note(note)
        return self._tables[hour]

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _reaches(window: Window, hours: float | None) -> bool:
    return hours is None or window.times[-1] - window.times[0] > timedelta(hours=hours)


def _count(table: Any, version: str) -> int:
    import pyarrow.compute as pc

    return int(pc.sum(pc.equal(table["version"], version)).as_py() or 0)


def _list_hours(store: ObjectStore, since: datetime | None) -> list[tuple[str, ...]]:
    """Return the log's keys, hour by hour, the oldest first."""
    start = layout.predictions(since.astimezone(UTC), "") if since else ""
    keys = sorted(info.key for info in store.list(layout.PREDICTIONS) if info.key.endswith(".parquet"))
    recent = [key for key in keys if key.rpartition("/")[0] >= start.rpartition("/")[0]]
    return [tuple(hour) for _, hour in groupby(recent, key=lambda key: key.rpartition("/")[0])]


def _require_rows(store: ObjectStore, version: str, n_reference: int, n_current: int, config: DriftConfig) -> None:
    if n_reference == 0:
        raise NoPredictions(store.where(layout.PREDICTIONS), version)
    have, need = n_reference + n_current, config.reference_rows + config.min_window_rows
    if have < need:
        raise TooFewRows(version, have, need)
