"""What `fsl up` writes down about itself, for `fsl status`, `fsl down` and whoever comes after a kill: `.fsl/up/`.

| file | what |
|---|---|
| `state.json` | who supervises, the mark of all that it started, and how each part is; anew every second |
| `NAME.log` | what a part says |
| `up.lock` | held by the one that supervises; the kernel gives it back, however that ends |
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.up.errors import UpAlready
from flows.up.processes import ProcessRecord
from fsl.store.embedded.files import write_private

STATE = "state.json"
STARTING, HEALTHY, UNWELL, WAITING, GAVE_UP, STOPPED = "starting", "healthy", "unwell", "waiting", "gave up", "stopped"


@dataclass(frozen=True, slots=True)
class PartState:
    """How a part is."""

    name: str
    state: str
    address: str
    log: str
    why: str = ""  # what is wrong with it, where something is
    process: ProcessRecord | None = None
    n_restarts: int = 0

    @property
    def is_well(self) -> bool:
        return self.state == HEALTHY


@dataclass(frozen=True, slots=True)
class UpState:
    """How all of it is."""

    mark: str
    supervisor: ProcessRecord
    api: str  # of the Prefect server
    pool: str
    when: float  # it was written, in seconds since 1970
    parts: tuple[PartState, ...]

    @property
    def is_healthy(self) -> bool:
        return all(part.is_well for part in self.parts)


def write_state(folder: Path, state: UpState) -> None:
    """Write it down; it appears whole or not at all."""
    write_private(folder / STATE, json.dumps(asdict(state), indent=1))


def read_state(folder: Path) -> UpState | None:
    """Return what was last written down, or None where nothing is that can be read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        facts = json.loads((folder / STATE).read_text(encoding="utf-8"))
        parts = tuple(PartState(**{**part, "process": _record(part["process"])}) for part in facts.pop("parts"))
        return UpState(**{**facts, "supervisor": ProcessRecord(**facts["supervisor"]), "parts": parts})
    return None


def forget_state(folder: Path) -> None:
    """Remove it, once nothing runs any more."""
    (folder / STATE).unlink(missing_ok=True)


@contextmanager
def supervising(folder: Path) -> Iterator[None]:
    """Be the only one that supervises here. Raises UpAlready."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o700)  # Prefect's database is in there too, and it makes its own files readable to all
    folder.mkdir(exist_ok=True)
    with (folder / "up.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            state = read_state(folder)
            raise UpAlready(str(folder.parent.parent), state.supervisor.pid if state else 0) from error
        yield


def _record(facts: dict[str, float] | None) -> ProcessRecord | None:
    return ProcessRecord(int(facts["pid"]), facts["started"]) if facts else None
