"""`fsl up` and `fsl down` themselves: everything of one folder runs, or nothing of it does."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flows.up import processes
from flows.up.errors import PartsGaveUp
from flows.up.parts import Site, parts_of
from flows.up.state import UpState, forget_state, read_state, supervising
from flows.up.supervisor import Supervisor, Tell, end_left_overs
from fsl.store.embedded.server import stop_unused
from fsl.workspace import Workspace

STOP_SECONDS = 90.0  # for everything, one after the other


@dataclass(frozen=True)
class Stopped:
    """What `fsl down` found and did."""

    was_running: bool
    n_left_over: int  # processes that a killed `fsl up` had left


def run_up(workspace: Workspace, *, tell: Tell, ready: Callable[[UpState], None]) -> None:
    """Run everything of a folder until this process is told to stop, by Ctrl-C or a polite kill.

    Args:
        tell: says what happens.
        ready: is called once, when every part is healthy.

    Raises:
        UpAlready, PortTaken, NoSecret: nothing was started.
        PartsGaveUp: a part could not be kept running before all were healthy; everything was stopped again.
    """
    folder = workspace.state / "up"
    with supervising(folder):
        _end_what_was_left(workspace, tell)
        site = Site.choose(workspace, workspace.config)
        mark = processes.new_mark()
        with _marked(f"{mark}:store"), workspace.open() as project:
            supervisor = Supervisor(
                parts_of(site, project.store),
                folder,
                mark=mark,
                api=site.api,
                pool=site.config.deploy.pool,
                tell=tell,
            )
            try:
                supervisor.run(lambda: supervisor.state.is_healthy or bool(supervisor.given_up))
                if supervisor.given_up:
                    parts = supervisor.given_up
                    raise PartsGaveUp(tuple(part.name for part in parts), tuple(part.log for part in parts))
                ready(supervisor.state)
                supervisor.run(lambda: False)
            finally:
                tell("stopping; runs at work go on from their last finished step when it is up again")
                supervisor.stop()
                forget_state(folder)


def take_down(workspace: Workspace) -> Stopped:
    """Stop everything of a folder, wherever it was started; and what a killed `fsl up` left behind."""
    folder = workspace.state / "up"
    state = read_state(folder)
    supervisor = processes.find(state.supervisor) if state else None
    if supervisor is not None:
        processes.end([supervisor], seconds=STOP_SECONDS)
    n_left_over = end_left_overs(state) if state else 0
    stop_unused(workspace.state / "store")
    forget_state(folder)
    return Stopped(supervisor is not None, n_left_over)


def living_state(workspace: Workspace) -> UpState | None:
    """Return how everything is, or None where no `fsl up` runs."""
    state = read_state(workspace.state / "up")
    return state if state is not None and processes.find(state.supervisor) is not None else None


def is_silent(state: UpState, now: float | None = None) -> bool:
    """Return whether the supervisor lives but has written nothing for too long."""
    return (time.time() if now is None else now) - state.when > 30.0


def _end_what_was_left(workspace: Workspace, tell: Tell) -> None:
    state = read_state(workspace.state / "up")
    n = end_left_overs(state) if state else 0
    if n:
        tell(f"ended {n} processes that an earlier fsl up had left behind")


@contextmanager
def _marked(mark: str) -> Iterator[None]:
    """Let what is started meanwhile carry a mark."""
    os.environ[processes.MARK] = mark
    try:
        yield
    finally:
        os.environ.pop(processes.MARK, None)
