"""The two windows that are compared: what a version served first, and what it served last.

The reference is the version's own first traffic, never labelled rows; a new version starts a new one. The log is
partitioned by hour, so only the hours at both ends are read.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from fsl.config import DriftConfig
from fsl.drift.errors import NoPredictions, TooFewRows
from fsl.drift.windows.prediction_files import read_files
from fsl.drift.windows.prediction_rows import build_window
from fsl.drift.windows.window import Window
from fsl.problems.base import Problem
from fsl.store import layout
from fsl.store.objects import ObjectStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Windows:
    """What was read from the log."""

    reference: Window
    current: Window
    notes: tuple[str, ...]  # what was left out, and why


def read_windows(
    store: ObjectStore,
    config: DriftConfig,
    problem: Problem,
    *,
    version: str | None = None,
    since: datetime | None = None,
) -> Windows:
    """Return a version's first served rows, and the last of those that came after.

    Args:
        version: default: the one that served the last row.
        since: hours before this one are not looked at; the version's promotion is a good choice.

    Raises:
        NoPredictions: nothing was served.
        TooFewRows: not enough for both windows.
        MixedEncoders: the version's rows carry embeddings of several encoders.
    """
    log = _PredictionLog(store, problem, _list_hours(store, since))
    served = version or log.last_version()
    if served is None:
        raise NoPredictions(store.where(layout.PREDICTIONS), version)
    first = log.take(served, log.hours, config.reference_rows)
    reference = first.pick(range(min(first.n_rows, config.reference_rows)))
    last = log.take(served, log.hours[::-1], reference.n_rows + config.window_rows)
    known = set(reference.ids)
    fresh = [row for row, row_id in enumerate(last.ids) if row_id not in known]
    _require_rows(store, served, reference.n_rows, len(fresh), config)
    current = last.pick(fresh[-config.window_rows :])
    _log.info("%s: %d reference rows, %d current rows", served, reference.n_rows, current.n_rows)
    return Windows(reference, current, tuple(log.notes))


def read_latest(store: ObjectStore, problem: Problem, *, version: str, since: datetime, n_rows: int) -> Window:
    """Return the last `n_rows` rows that a version served after a time; fewer where there are fewer.

    Raises:
        MixedEncoders: the version's rows carry embeddings of several encoders.
    """
    log = _PredictionLog(store, problem, _list_hours(store, since) or [()])
    window = log.take(version, log.hours[::-1], n_rows)
    served = [row for row, time in enumerate(window.times) if time >= since]
    return window.pick(served[-n_rows:])


@dataclass
class _PredictionLog:
    """The log's hours, each read once."""

    store: ObjectStore
    problem: Problem
    hours: list[tuple[str, ...]]  # the keys of each hour, the oldest first
    notes: list[str] = field(default_factory=list)
    _tables: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def last_version(self) -> str | None:
        """Return the version of the last row."""
        for hour in reversed(self.hours):
            table = self._read(hour)
            if table.num_rows:
                return str(table.sort_by([("time", "descending"), ("id", "descending")])["version"][0].as_py())
        return None

    def take(self, version: str, hours: Sequence[tuple[str, ...]], n_rows: int) -> Window:
        """Return the version's rows of as many hours, in the order given, as hold `n_rows` of them."""
        import pyarrow as pa

        read, n_seen = [self._read(())], 0
        window, n_unusable = build_window(read[0], version, self.problem)
        for place, hour in enumerate(hours):
            read.append(self._read(hour))
            n_seen += _count(read[-1], version)
            # Building costs more than counting, so it waits until there can be enough.
            if n_seen >= n_rows or place == len(hours) - 1:
                window, n_unusable = build_window(pa.concat_tables(read), version, self.problem)
                if window.n_rows >= n_rows:
                    break
        if n_unusable:
            why = "no embedding, no readable answer, or an empty field"
            self._note(f"{n_unusable} served rows of {version} cannot be used: {why}")
        return window

    def _read(self, hour: tuple[str, ...]) -> Any:
        if hour not in self._tables:
            self._tables[hour], notes = read_files(self.store, hour)
            for note in notes:
                self._note(note)
        return self._tables[hour]

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


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
