"""`fsl up`, `fsl down`: everything that an unattended project needs, on this machine alone."""

import os
import shlex
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from flows.up.state import UpState
from flows.up.up import is_silent, living_state, run_up, take_down
from fsl import console
from fsl.console import Reply, line, show, table
from fsl.project import open_project
from fsl.scheduling.silence import SCHEDULED
from fsl.workspace import Workspace, find_workspace


def up(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Run everything a project needs by itself, and keep it running: store, Prefect, worker, inbox. Ctrl-C stops it."""
    began = time.monotonic()

    def tell(words: str) -> None:
        if not as_json:
            show(Reply(None, [_whole(f"{time.strftime('%H:%M:%S')}  {words}")]), as_json=False)

    def ready(state: UpState) -> None:
        shown: list[RenderableType] = [
            parts_table(state),
            line(f"all healthy after {time.monotonic() - began:.0f} s; Ctrl-C or `fsl down` stops it"),
        ]
        following = ["fsl status", "fsl ingest data/day-1/labelled.jsonl", f"export PREFECT_API_URL={state.api}"]
        show(Reply(asdict(state), shown, following), as_json=as_json)

    run_up(find_workspace(Path.cwd()), tell=tell, ready=ready)


def down(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Stop what `fsl up` runs in this folder, and what a killed one left behind. Everything stored stays."""
    stopped = take_down(find_workspace(Path.cwd()))
    words = "stopped; everything stored stays" if stopped.was_running else "nothing was up here"
    if stopped.n_left_over:
        words += f"; ended {stopped.n_left_over} processes that were left behind"
    show(Reply(asdict(stopped), [line(words)], ["fsl up"]), as_json=as_json)


def status(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Say how all is that `fsl up` runs here, and what is too silent; the exit status is 0 only when all is well.

    Where nothing is up here and PREFECT_API_URL names a server, that server is asked what is silent.
    """
    workspace = find_workspace(Path.cwd())
    state = living_state(workspace)
    if state is None and not os.environ.get("PREFECT_API_URL"):
        _show_nothing_up(workspace, as_json=as_json)
    faults = _faults_of(state) if state else []
    silent = [] if faults else _silence(workspace, state)
    facts = {"up": state is not None, "healthy": not faults, "faults": faults, "silent": silent}
    shown = [parts_table(state)] if state else [line("nothing is up here; the Prefect server that is named was asked")]
    told = [line(words) for words in (*faults, *(f"silence: {words}" for words in silent))]
    following = ["fsl down"] if state else ["fsl deploy"]
    if faults and state:
        following = [f"tail {shlex.quote(part.log)}" for part in state.parts if part.log and not part.is_well]
    all_facts = {**facts, **(asdict(state) if state else {})}
    show(Reply(all_facts, [*shown, *(told or [line("all is well")])], following), as_json=as_json)
    if told:
        raise typer.Exit(1)


def _show_nothing_up(workspace: Workspace, *, as_json: bool) -> NoReturn:
    schedule = workspace.config.schedule
    waiting = [f"{flow} ({cron})" for flow in SCHEDULED if (cron := getattr(schedule, flow)) is not None]
    words = "nothing is up here, so nothing runs by itself"
    words += f": {', '.join(waiting)}, in {schedule.timezone}" if waiting else ""
    facts = {"up": False, "healthy": False, "faults": [words], "silent": [], "parts": []}
    show(Reply(facts, [line(words)], ["fsl up"]), as_json=as_json)
    raise typer.Exit(1)


def _faults_of(state: UpState) -> list[str]:
    faults = [f"{part.name} is {part.state}: {part.why or 'see its log'}" for part in state.parts if not part.is_well]
    if is_silent(state):
        faults.append("fsl up itself has written nothing for half a minute. Stop it: fsl down; then: fsl up")
    return faults


def _silence(workspace: Workspace, state: UpState | None) -> list[str]:
    """Return what is too silent, in words, as store and server tell it."""
    from flows.server.settings import command_line_environment

    if state is not None:
        os.environ["PREFECT_API_URL"] = state.api
    os.environ.update(command_line_environment(workspace.state))  # before Prefect is imported
    with workspace.open_store() as store:
        from flows.server.registering import check_server
        from tasks.silence import find_silence

        check_server()
        opened = open_project(workspace.config.project, store)
        return [alarm.words for alarm in find_silence(opened, now=datetime.now(UTC))]


def _whole(words: str) -> Text:
    return Text(console.inert(words), no_wrap=True)


def parts_table(state: UpState) -> Table:
    """Return one line for each part."""
    rows = [
        (
            part.name,
            part.state,
            part.address or "–",
            part.process.pid if part.process else "not ours",
            part.n_restarts,
            part.why or "–",
        )
        for part in state.parts
    ]
    return table(["part", "state", "address", "#process", "#restarts", "what is wrong"], rows)
