"""Whose turn it is: one retrain for a project, one ingest for a file, and a sign of life for every run.

What a claim guarantees is `fsl.scheduling.claims`'s. Here is what a flow does while another one holds it.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from prefect.context import FlowRunContext
from pydantic import JsonValue

from fsl.project import Project, cache_folder
from fsl.runs.retrain_log import KEY, KIND
from fsl.scheduling.claims import Busy, Held, Ticket, claim, holder_of, holding, take_or_see, worker_name
from fsl.store.file_locks import exclusive
from tasks.planning import plan_now
from tasks.resources import project_of

WAITING = "retrain-next"  # the one place in the line
RUN = "run"
MAX_POLL_SECONDS = 5.0


@dataclass
class Turn:
    """A retrain's turn; or why it is not its turn, which ends the run well."""

    key: str
    version: str
    held: Held | None
    said: dict[str, JsonValue] | None = None

    @property
    def ticket(self) -> Ticket | None:
        return self.held.ticket if self.held else None


@contextmanager
def retrain_turn(project: str, *, head_only: bool = False) -> Iterator[Turn]:
    """Wait for this project's turn to retrain, and hold it.

    The same retrain in another worker's hands is left to it. Behind another one, one run waits, and all that come later
    leave it to that one: when its turn comes it takes a new snapshot, so whatever they were started for is in it.
    """
    opened = project_of(project)
    expiry = expiry_of(opened)
    with ExitStack() as stack:
        key, version = plan_now(opened, head_only=head_only)
        got = _take(opened, key, expiry)
        if isinstance(got, Busy) and got.subject != key:
            place = stack.enter_context(claim(opened.store, WAITING, KEY, expiry=expiry, holder=run_name()))
            if isinstance(place, Busy):
                yield _told(
                    key,
                    version,
                    "waiting elsewhere",
                    f"{got}; {place.holder} waits behind it, and will take what came in meanwhile",
                )
                return
            key, version, got = _wait(opened, expiry, got, head_only)
            place.outcome = "its turn"
        if isinstance(got, Busy):
            same = got.subject == key
            yield _told(key, version, "running elsewhere" if same else "gave up waiting", f"{got}")
            return
        held = stack.enter_context(holding(opened.store, got, expiry=expiry))
        with machine_slot():
            yield Turn(key, version, held)


@contextmanager
def file_turn(opened: Project, key: str) -> Iterator[Held | Busy]:
    """Hold the right to take in one dropped file, or learn who does. Equal bytes are one file, whatever their names."""
    info = opened.store.head(key)
    name = f"{info.etag}-{info.size}" if info else "gone"
    safe = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name)[:90]
    expiry, holder = expiry_of(opened), run_name()
    got = take_or_see(opened.store, "batch", f"e{safe}", expiry=expiry, subject=key, holder=holder)
    if isinstance(got, Busy):
        yield got
        return
    with holding(opened.store, got, expiry=expiry) as held:
        yield held


@contextmanager
def files_turn(opened: Project, keys: Sequence[str]) -> Iterator[Held | Busy]:
    """Hold the right to take in some dropped files together, or learn who is at these very ones."""
    name = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()
    subject, holder = f"{len(keys)} files, {keys[0]} to {keys[-1]}", run_name()
    with claim(opened.store, "batch", f"g{name}", expiry=expiry_of(opened), subject=subject, holder=holder) as held:
        yield held


@contextmanager
def sign_of_life(project: str) -> Iterator[None]:
    """Sign for as long as a flow runs, so that a run whose worker died can be told from one that works on."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        yield
        return
    opened = project_of(project)
    run = str(context.flow_run.id)
    with claim(opened.store, RUN, run, expiry=expiry_of(opened), subject=context.flow.name, holder=run_name()):
        yield


def say_version(version: str) -> None:
    """Add to this run's name on Prefect's page the version that it makes."""
    from prefect.client.orchestration import get_client

    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    with get_client(sync_client=True) as client:
        client.update_flow_run(context.flow_run.id, name=f"{context.flow_run.name} {version}")


@contextmanager
def machine_slot() -> Iterator[None]:
    """Train one model at a time on this machine, whatever its project: memory stays bounded, and all get their turn.

    The lock is the kernel's, so it ends with its holder, however that ends.
    """
    folder: Path = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder / "training"):
        yield


def expiry_of(opened: Project) -> timedelta:
    """Return how long a worker of this project may be silent."""
    return timedelta(seconds=opened.config.claims.expiry_seconds)


def run_name() -> str:
    """Return how this run is called in its claims: as Prefect's page calls it, and where it runs."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return f"run {run.name} ({run.id}), {worker_name()}" if run else worker_name()


def _take(opened: Project, key: str, expiry: timedelta) -> Ticket | Busy:
    return take_or_see(opened.store, KIND, KEY, expiry=expiry, subject=key, holder=run_name(), same_only=True)


def _wait(opened: Project, expiry: timedelta, got: Ticket | Busy, head_only: bool) -> tuple[str, str, Ticket | Busy]:
    """Wait until nobody living holds the claim; then take the newest snapshot and the claim."""
    deadline = time.monotonic() + 60 * opened.config.claims.wait_minutes
    pause = min(MAX_POLL_SECONDS, expiry.total_seconds() / 4)
    while time.monotonic() < deadline:
        if holder_of(opened.store, KIND, KEY, expiry=expiry) is None:
            key, version = plan_now(opened, head_only=head_only)
            got = _take(opened, key, expiry)
            if isinstance(got, Ticket) or got.subject == key:
                return key, version, got
        time.sleep(pause)
    return *plan_now(opened, head_only=head_only), got


def _told(key: str, version: str, outcome: str, why: str) -> Turn:
    return Turn(key, version, None, {"version": version, "outcome": outcome, "reasons": [why]})
