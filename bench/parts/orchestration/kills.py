"""Kills of a worker in mid-cycle, and what must hold after each: nothing done twice, nothing lost, one champion."""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.parts.orchestration.stage import Rows, drop, read_journal, start_worker
from fsl.data.history import read_history
from fsl.project import Project
from fsl.store import layout
from fsl.store.aliases import CHAMPION, read_moves


@dataclass(frozen=True)
class Standing:
    """What a project has come to."""

    steps: dict[str, str]  # finished steps by name, with the etag of what makes them finished
    n_batches: int
    n_rows: int
    row_ids: tuple[str, ...]
    moves: tuple[str, ...]


def standing_of(project: Project) -> Standing:
    """Read what a project has come to."""
    import pyarrow.parquet as pq

    history = read_history(project.store)
    ids: list[str] = []
    for record in history:
        table = pq.read_table(io.BytesIO(project.store.get(record.rows.key)), columns=["row_id"])
        ids += table.column("row_id").to_pylist()
    steps = {
        info.key.split("/")[-2]: f"{info.etag} {info.modified}"
        for info in project.store.list(layout.RUNS)
        if info.key.endswith("/manifest.json")
    }
    moves = tuple(move.version for move in read_moves(project.registry, CHAMPION))
    return Standing(steps, len(history), sum(record.rows.n for record in history), tuple(ids), moves)


STEP_OF = {"adapt_teacher": "teacher", "adapt_student": "student", "build_bundle": "bundle"}


def find_faults(before: Standing, after: Standing, again: list[dict[str, Any]], n_rows: int | None) -> list[str]:
    """Return what does not hold after a kill and a restart.

    Args:
        before: after the kill.
        after: after the restart.
        again: what the restarted worker wrote down.
        n_rows: of the drop, all of them good; None where that worker was killed as well.
    """
    faults = []
    redone = {STEP_OF[one["step"]] for one in again if "began" in one} & set(before.steps)
    if redone:
        faults.append(f"done twice: {sorted(redone)}")
    if any(after.steps.get(name) != etag for name, etag in before.steps.items()):
        faults.append("a finished step was replaced")
    if len(after.moves) > 1:
        faults.append(f"the champion was moved {len(after.moves)} times")
    if n_rows is None:
        return faults
    if not any("end" in one for one in again):
        faults.append("the cycle did not end")
    if (after.n_batches, after.n_rows) != (1, n_rows) or len(set(after.row_ids)) != n_rows:
        faults.append(f"{after.n_rows} rows in {after.n_batches} batches instead of {n_rows} in one")
    if not after.moves:
        faults.append("there is no champion")
    return faults


@dataclass(frozen=True)
class Moment:
    """When a worker is killed: some seconds after it wrote down a thing, such as "adapt_teacher began"."""

    mark: str | None
    seconds: float

    def is_there(self, lines: Sequence[dict[str, Any]]) -> bool:
        step, _, what = (self.mark or "").partition(" ")
        return self.mark is None or any(line.get("step") == step and what in line for line in lines)


def kill_and_restart(
    project: Project,
    rows: Rows,
    *,
    moments: Sequence[Moment],
    journal: Path,
    environment: dict[str, str],
    flow: str = "cycle",
) -> dict[str, list[str]]:
    """Kill the worker of one cycle at each of some moments, each time starting it again; then let it end.

    Returns:
        What does not hold, by where the worker was killed.
    """
    drop(project, rows)
    faults, where, before = {}, "at the start", standing_of(project)
    for moment in (*moments, None):
        n_written = len(read_journal(journal))
        worker = start_worker(flow, {"project": project.name}, journal, environment)
        if moment is not None:
            while worker.is_alive() and not moment.is_there(read_journal(journal)[n_written:]):
                time.sleep(0.01)
        worker.join(moment.seconds if moment else 300)
        worker.kill()
        worker.join()
        after = standing_of(project)
        found = find_faults(before, after, read_journal(journal)[n_written:], None if moment else len(rows))
        if found:
            faults[where] = found
        before = after
        where = f"after {', '.join(before.steps) or 'no step'}, {before.n_batches} batches, {len(before.moves)} moves"
    return faults
