"""`fsl tune`: a search over the few settings of `learning` that matter, on rows that no gate ever asks about."""

import fcntl
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from fsl import console
from fsl.console import Reply, line, show, table
from fsl.errors import FslError
from fsl.learning.tuning.search import Found, Scored, TrialRow, search
from fsl.learning.tuning.space import VERSION, Values, as_lines, present_values, settings_of, with_values
from fsl.project import Project
from fsl.workspace import find_workspace

FILE = "tune.db"  # in .fsl/
_SHOWN = 10


@dataclass(eq=False)
class TuningTwice(FslError):
    """Another search writes to the same file."""

    folder: str

    def __str__(self) -> str:
        return f"another fsl tune is at work in {self.folder}. Wait for it, or stop it: what it finished is kept."


def tune(
    minutes: Annotated[float, typer.Option(min=0.0, help="How long to search; one trial is made in any case.")] = 30.0,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Search for better learning settings on tune rows, and print the lines for fsl.yaml. Nothing is changed.

    Every trial is kept in .fsl/tune.db: stop it when you like, and the next call goes on.
    """
    workspace = find_workspace(Path.cwd())
    with workspace.open() as project, _alone(workspace.state):
        found = _search(project, workspace.state / FILE, minutes)
    show(_reply(found), as_json=as_json)


def _search(project: Project, file: Path, minutes: float) -> Found:
    from fsl.data.snapshots import load_pool, load_samples, take_snapshot
    from fsl.learning.tuning.trials import score_settings
    from fsl.samples import Split

    config, problem = project.config.learning, project.problem
    snapshot = take_snapshot(project.store, project.config)
    train = load_samples(project.store, snapshot, {Split.TRAIN})
    held_out = load_samples(project.store, snapshot, {Split.TUNE})
    pool = load_pool(project.store, snapshot)
    settings = settings_of(config, problem)
    started = time.monotonic()

    def score(values: Values) -> Scored:
        where = f"{project.name}'s snapshot"
        return score_settings(train, held_out, pool, problem, with_values(config, values), where=where)

    def tell(row: TrialRow, best: float | None) -> None:
        spent = (time.monotonic() - started) / 60.0
        result = row.said if row.score is None else f"{row.score:.3f} nats a row"
        best_words = "" if best is None else f", best {best:.3f}"
        words = f"trial {row.number}: {result}{best_words}; {spent:.1f} of {minutes:g} minutes"
        Console(stderr=True, emoji=False).print(line(words), highlight=False, soft_wrap=True)

    parts = {"snapshot": snapshot.digest, "learning": config.model_dump(mode="json"), "space": VERSION}
    name = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    present = present_values(config, settings)
    return search(score, settings, present, file=file, name=name, minutes=minutes, seed=config.seed, tell=tell)


def _reply(found: Found) -> Reply:
    facts = {**asdict(found), "lines": as_lines(found.best.values) if found.best else None}
    ranked = sorted((row for row in found.trials if row.score is not None), key=lambda row: -(row.score or 0.0))
    rows = [(row.number, f"{row.score:.3f}", _said(row.values)) for row in ranked[:_SHOWN]]
    shown: list[RenderableType] = [table(["#trial", "#nats a row", "settings"], rows), line(_verdict(found))]
    if found.best is None:
        return Reply(facts, shown, ["fsl tune --minutes 60"])
    shown += [line("\nin fsl.yaml:\n"), line(as_lines(found.best.values))]
    return Reply(facts, shown, ["fsl config show", 'fsl retrain --reason "tuned settings"'])


def _verdict(found: Found) -> str:
    probe = "" if found.probe_score is None else f" The probe has {found.probe_score:.3f}."
    if not any(row.score is not None for row in found.trials):
        return "every trial came to nothing, so nothing is known about other settings."
    if found.best is None:
        return f"nothing beats the present settings by more than one standard error: leave them.{probe}"
    if found.present is None:
        return f"the present settings came to nothing; trial {found.best.number} is the best.{probe}"
    return (
        f"trial {found.best.number} beats the present settings ({found.present.score:.3f}) by more than one standard "
        f"error.{probe}"
    )


def _said(values: Values) -> str:
    return ", ".join(f"{path} {value}" for path, value in values.items())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system takes it back from whoever dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "tune.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TuningTwice(str(folder.parent)) from error
        yield
