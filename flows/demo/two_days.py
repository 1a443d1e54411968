"""The demo: two days in the life of a project, on real servers, with nothing called directly that runs by itself.

Only what a person or the world does is done here: files are dropped, traffic comes, a schedule ticks. Retrains start
through Prefect's automations. What happened is read back from the store and told in `flows.demo.summary`.
"""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from flows.demo.stage import Stage
from flows.demo.summary import Summary, summarise
from flows.server.local import LocalPrefect, local_server, local_worker
from flows.server.runs import find_started_run, start_run, wait_for_run
from fsl.errors import FslError
from fsl.project import Project
from fsl.serving.replay import read_texts, replay_traffic, spread_over_day
from fsl.store import layout
from fsl.workspace import CONFIG_FILE, STATE_FOLDER, Workspace, init_workspace

DATA = "data"


@dataclass(eq=False)
class NotADemo(FslError):
    """`--fresh` removes only what a demo made."""

    folder: str

    def __str__(self) -> str:
        return f"{self.folder} exists and was not made by `fsl demo`, so nothing was changed. Name another: --dir OTHER"


@dataclass(eq=False)
class DemoExists(FslError):
    """A demo was run there before."""

    folder: str

    def __str__(self) -> str:
        return f"{self.folder} holds an earlier demo. Run it anew with --fresh, or name another folder with --dir"


def run_demo(folder: Path, template: str, *, fresh: bool) -> Summary:
    """Run the whole loop and return what happened."""
    workspace = _prepare(folder, template, fresh=fresh)
    stage = Stage()
    today = datetime.now(UTC)
    with _open(workspace, stage) as (project, prefect):
        actor = _Actor(project, prefect, workspace, stage)
        stage.chapter("Day 1: the first labels arrive")
        actor.drop("day-1", "labelled.jsonl", "unlabelled.jsonl")
        actor.ingest_and_retrain()
        actor.serve_day("day-1", today - timedelta(days=2))
        stage.chapter("Day 2: the world has moved")
        actor.drop("day-2", "labelled.jsonl")
        actor.ingest()
        actor.serve_day("day-2", today - timedelta(days=1))
        actor.check_drift_and_retrain()
        with stage.step("gather what happened") as tell:
            summary = summarise(project, workspace)
            tell(f"{len(summary.versions)} versions, {summary.n_read} rows read")
    return summary


class _Actor:
    """Does what people and the world do to a project, and waits for what follows."""

    def __init__(self, project: Project, prefect: LocalPrefect, workspace: Workspace, stage: Stage) -> None:
        self.project, self.prefect, self.workspace, self.stage = project, prefect, workspace, stage

    def drop(self, day: str, *names: str) -> None:
        """Put sample files into the inbox, as any S3 client would."""
        with self.stage.step(f"drop {day}'s files in the inbox") as tell:
            for name in names:
                self.project.store.upload(layout.inbox(f"{day}-{name}"), self.workspace.folder / DATA / day / name)
            tell(", ".join(names))

    def ingest(self) -> None:
        """Run the ingest flow, as its schedule would."""
        with self.stage.step("ingest: validate, quarantine, commit") as tell:
            result = self._wait(start_run("ingest", {"project": self.project.name}), "ingest", tell)
            tell(result["reason"])

    def ingest_and_retrain(self) -> None:
        since = datetime.now(UTC)
        self.ingest()
        self._await_retrain(since, "the accepted batch")

    def serve_day(self, day: str, date: datetime) -> None:
        """Replay a day of unlabelled traffic through the champion."""
        with self.stage.step(f"serve {day}'s traffic through the torch-free predictor") as tell:
            texts = read_texts(
                self.workspace.folder / DATA / day / "traffic.jsonl", self.project.config.data.text_column
            )
            replay = replay_traffic(
                self.project,
                texts,
                spread_over_day(len(texts), date),
                progress=lambda n: tell(f"{n} texts", n / len(texts)),
            )
            tell(f"{replay.n_texts} texts answered by {replay.version}, all logged")

    def check_drift_and_retrain(self) -> None:
        since = datetime.now(UTC)
        with self.stage.step("check drift against the champion's first traffic") as tell:
            result = self._wait(start_run("drift", {"project": self.project.name}), "drift", tell)
            tell(f"{result['action']}: {result['reason']}")
        if result["action"] == "retrain":
            self._await_retrain(since, "the drift event")

    def _await_retrain(self, since: datetime, cause: str) -> None:
        with self.stage.step(f"retrain, started by {cause} through an automation") as tell:
            tell("waiting for the automation")
            result = self._wait(find_started_run("retrain", since=since), "retrain", tell)
            tell(f"{result['version']}: {result['outcome']}")

    def _wait(self, run: UUID, flow: str, tell: Any) -> dict[str, Any]:
        finished = wait_for_run(
            run, flow, self.prefect.url, watch=lambda state: tell(state.step or state.name.lower(), state.share)
        )
        return dict(finished.state.result())


@contextmanager
def _open(workspace: Workspace, stage: Stage) -> Iterator[tuple[Project, LocalPrefect]]:
    # One split for every demo, named before any was looked at: whoever runs it sees the same rows judged.
    split_key = hashlib.sha256(f"demo {workspace.config.project}".encode()).hexdigest()
    with local_server(workspace.state) as server, ExitStack() as stack:
        with stage.step("start the object store") as tell:
            project = stack.enter_context(workspace.open(split_key=split_key))
            tell(project.store.where())
        with stage.step("start Prefect and the worker") as tell:
            prefect = stack.enter_context(local_worker(server))
            tell(f"deployments and automations at {prefect.url}")
        yield project, prefect


def _prepare(folder: Path, template: str, *, fresh: bool) -> Workspace:
    made_here = (folder / STATE_FOLDER / "demo").is_file()
    if folder.exists() and any(folder.iterdir()):
        if not made_here:
            raise NotADemo(str(folder))
        if not fresh:
            raise DemoExists(str(folder))
        _remove(folder)
    workspace = init_workspace(folder, template)
    workspace.state.mkdir(mode=0o700)
    (workspace.state / "demo").write_text("made by fsl demo; --fresh may remove this folder\n", encoding="utf-8")
    return workspace


def _remove(folder: Path) -> None:
    """Remove an earlier demo, its servers first should they still run."""
    from fsl.store.embedded.server import EmbeddedServer

    EmbeddedServer(folder / STATE_FOLDER / "store").stop()
    for name in (STATE_FOLDER, DATA, CONFIG_FILE, "README.md", ".gitignore"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
