"""Keeping parts running: each is started when what it needs is healthy, checked, and started again when it dies.

A part that dies waits twice as long each time before it is started again; one that died too often is given up, aloud.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from os import environ, getpid
from pathlib import Path

import psutil

from flows.up import processes
from flows.up.parts import STORE, Part
from flows.up.state import GAVE_UP, HEALTHY, STARTING, UNWELL, WAITING, PartState, UpState, write_state

TICK_SECONDS = 0.4
SECONDS_BETWEEN_CHECKS = 5.0
STARTING_SECONDS = 120.0  # on a busy machine Prefect's server takes half a minute
UNWELL_SECONDS = 60.0  # as long as that something may be busy; then it hangs
DEATHS_ALLOWED = 5
WITHIN_SECONDS = 600.0
MAX_DELAY_SECONDS = 60.0

Tell = Callable[[str], None]


@dataclass
class _Child:
    part: Part
    state: str = WAITING
    why: str = ""
    process: psutil.Process | None = None
    since: float = 0.0  # it is in this state
    not_before: float = 0.0  # it is started
    next_check: float = 0.0
    n_restarts: int = 0
    deaths: deque[float] = field(default_factory=deque)
    store_address: str = ""  # when it was started

    @property
    def gave_up(self) -> bool:
        return self.state == GAVE_UP

    def turn(self, state: str, now: float, why: str = "") -> None:
        if state != self.state:
            self.since = now
        self.state, self.why = state, why


class Supervisor:
    """Keeps the parts of one folder running."""

    def __init__(self, parts: Sequence[Part], folder: Path, *, mark: str, api: str, pool: str, tell: Tell) -> None:
        self.folder, self.mark, self.api, self.pool, self.tell = folder, mark, api, pool, tell
        self._me = processes.ProcessRecord.of(psutil.Process(getpid()))
        self._children = {part.name: _Child(part) for part in parts}
        self._written = float("-inf")

    @property
    def state(self) -> UpState:
        """Return how all of it is."""
        parts = tuple(
            PartState(
                name,
                child.state,
                child.part.address,
                child.part.log,
                child.why,
                _record_of(child.process),
                child.n_restarts,
            )
            for name, child in self._children.items()
        )
        return UpState(self.mark, self._me, self.api, self.pool, time.time(), parts)

    @property
    def given_up(self) -> tuple[Part, ...]:
        """Return the parts that are not started any more."""
        return tuple(child.part for child in self._children.values() if child.gave_up)

    def tick(self, now: float) -> None:
        """Look at every part once, and write down how it is.

        Args:
            now: by a clock that only goes forward, in seconds.
        """
        for child in self._children.values():
            before = child.state
            self._look(child, now)
            changed = child.state != before
            if changed or now - self._written >= 1.0:
                write_state(self.folder, self.state)
                self._written = now

    def run(self, until: Callable[[], bool]) -> None:
        """Keep everything running until it is said to be enough."""
        while not until():
            self.tick(time.monotonic())
            time.sleep(TICK_SECONDS)

    def stop(self) -> None:
        """Stop what was started, the last first."""
        for child in reversed(self._children.values()):
            if child.part.is_ours_to_stop and child.part.start is not None:
                if child.process is not None:
                    processes.end([child.process])
                self._end_left_overs(child)

    def _look(self, child: _Child, now: float) -> None:
        if child.gave_up:
            return
        if child.part.start is not None:
            if child.process is None:
                self._start_if_due(child, now)
                return
            if not processes.lives(child.process):
                self._died(child, now, "it ended")
                return
            if STORE in child.part.needs and child.store_address != environ.get("FSL_STORE__ENDPOINT_URL", ""):
                self._end(child)
                self._died(child, now, "the store moved to another port", is_its_fault=False)
                return
        if now >= child.next_check:
            self._check(child, now)

    def _start_if_due(self, child: _Child, now: float) -> None:
        missing = [name for name in child.part.needs if self._children[name].state != HEALTHY]
        if now < child.not_before or child.part.start is None:
            return
        if missing:
            child.turn(WAITING, now, f"for {', '.join(missing)}")
            return
        child.store_address = environ.get("FSL_STORE__ENDPOINT_URL", "")
        try:
            child.process = child.part.start(f"{self.mark}:{child.part.name}")
        except Exception as error:  # whatever keeps it from starting, the others go on
            self._died(child, now, f"it could not be started: {error}")
            return
        child.turn(STARTING, now)
        child.next_check = now

    def _check(self, child: _Child, now: float) -> None:
        fault = child.part.check()
        was_well = child.state == HEALTHY
        child.next_check = now + (SECONDS_BETWEEN_CHECKS if fault is None or was_well else TICK_SECONDS)
        if fault is None:
            if not was_well:
                self.tell(f"{child.part.name} is healthy{_at(child.part.address)}")
            child.turn(HEALTHY, now)
            return
        if was_well:
            self.tell(f"{child.part.name} is unwell: {fault}")
        child.turn(STARTING if child.state in (STARTING, WAITING) else UNWELL, now, fault)
        if any(self._children[name].state != HEALTHY for name in child.part.blames):
            child.since = now  # it cannot help it, so its patience begins when they are well
        patience = STARTING_SECONDS if child.state == STARTING else UNWELL_SECONDS
        if child.part.start is not None and now - child.since > patience:
            self._end(child)
            self._died(child, now, f"it was {child.state} for {patience:.0f} s ({fault}), and was ended")

    def _died(self, child: _Child, now: float, why: str, *, is_its_fault: bool = True) -> None:
        child.process = None
        self._end_left_overs(child)
        while child.deaths and now - child.deaths[0] > WITHIN_SECONDS:
            child.deaths.popleft()
        child.n_restarts += 1
        if is_its_fault:
            child.deaths.append(now)
        if len(child.deaths) > DEATHS_ALLOWED:
            child.turn(GAVE_UP, now, f"{why}, for the {len(child.deaths)}th time in {WITHIN_SECONDS / 60:.0f} minutes")
            self.tell(f"{child.part.name} is not started again: {child.why}. Its log: {child.part.log}")
            return
        delay = min(2.0 ** (len(child.deaths) - 1), MAX_DELAY_SECONDS)
        child.not_before = now + delay
        child.turn(WAITING, now, f"{why}; it is started again")
        self.tell(f"{child.part.name}: {why}. It is started again in {delay:.0f} s")

    def _end(self, child: _Child) -> None:
        if child.process is not None and child.part.is_ours_to_stop:
            processes.end([child.process])

    def _end_left_overs(self, child: _Child) -> None:
        """End what a part started and left behind, such as the runs of a worker that was killed."""
        if child.part.is_ours_to_stop:
            processes.end(processes.find_marked(f"{self.mark}:{child.part.name}"))


def end_left_overs(state: UpState) -> int:
    """End everything that a killed `fsl up` left running, but for the store; return how many processes that were."""
    known = [process for part in state.parts if part.process and (process := processes.find(part.process))]
    found = {process.pid: process for process in (*known, *processes.find_marked(state.mark))}
    of_store = [part.process.pid for part in state.parts if part.name == STORE and part.process]
    ended = [process for pid, process in found.items() if pid not in of_store and not _is_of_store(process, state.mark)]
    processes.end(ended)
    return len(ended)


def _is_of_store(process: psutil.Process, mark: str) -> bool:
    return _mark_of(process) == f"{mark}:{STORE}"


def _mark_of(process: psutil.Process) -> str:
    with suppress(psutil.Error, OSError):
        return str(process.environ().get(processes.MARK, ""))
    return ""


def _record_of(process: psutil.Process | None) -> processes.ProcessRecord | None:
    with suppress(psutil.Error):
        return processes.ProcessRecord.of(process) if process is not None else None
    return None


def _at(address: str) -> str:
    return f" at {address}" if address else ""
