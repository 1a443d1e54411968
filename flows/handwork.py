"""Running flows in this process, for a person at the command line: the same flows that schedules and events start."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from pydantic import JsonValue

from fsl.data.batches import BatchRecord
from fsl.data.history import read_history
from fsl.data.hub import PREFIX, fetch_dataset, read_spec
from fsl.errors import FslError
from fsl.scheduling.triggers import Due
from fsl.store import layout
from fsl.workspace import Workspace


@dataclass(eq=False)
class NothingToIngest(FslError):
    """The inbox is empty."""

    def __str__(self) -> str:
        return "the inbox holds nothing new. Drop a file: fsl ingest data/day-1/labelled.jsonl"


@dataclass(eq=False)
class NoSuchFile(FslError):
    """A file to drop is not there."""

    path: str

    def __str__(self) -> str:
        return f"there is no file {self.path}; nothing was dropped. Check the path."


@dataclass(eq=False)
class IsAFolder(FslError):
    """A folder was named where files are."""

    path: str

    def __str__(self) -> str:
        return f"{self.path} is a folder; nothing was dropped. Name its files: fsl ingest {self.path.rstrip('/')}/*"


@dataclass(eq=False)
class PrefectDidNotStart(FslError):
    """The server that a single flow starts for itself gave no answer in time."""

    said: str
    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"Prefect's server for this one run did not start: {self.said} Nothing is lost: what was dropped lies in "
            "the inbox. Run the command again when the machine is less busy, or start `fsl up`, whose server stays."
        )


def prepare(workspace: Workspace) -> Workspace:
    """Have Prefect keep its things in a workspace; to be called before Prefect is imported.

    Where `fsl up` runs, its server sees these runs too, and none has to be started for them.
    """
    from flows.server.settings import command_line_environment
    from flows.up.up import living_state

    state = living_state(workspace)
    server = {"PREFECT_API_URL": state.api} if state else {}
    for name, value in {**command_line_environment(workspace.state), **server}.items():
        os.environ.setdefault(name, value)
    return workspace


def ingest_files(workspace: Workspace, files: list[str]) -> tuple[list[BatchRecord], Due]:
    """Drop files, and data sets of the hub (`hf:NAME`), and run the ingest flow. Raises what refused them."""
    with TemporaryDirectory(prefix="fsl-hub-") as folder:
        return _ingest_paths(workspace, [_local(name, Path(folder), workspace) for name in files])


def _local(name: str, folder: Path, workspace: Workspace) -> Path:
    if name.startswith(PREFIX):
        return fetch_dataset(read_spec(name), folder, workspace.config.data)
    if Path(name).is_dir():
        raise IsAFolder(name)
    if not Path(name).is_file():
        raise NoSuchFile(name)
    return Path(name)


def _ingest_paths(workspace: Workspace, files: list[Path]) -> tuple[list[BatchRecord], Due]:
    with workspace.open() as project:
        for path in files:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            project.store.upload(layout.inbox(path.name, digest), path)
        from flows.ingest import ingest

        before = {record.seq for record in read_history(project.store)}
        with _a_server_or_a_sentence():
            result = ingest(project.name)
        batches = [record for record in read_history(project.store) if record.seq not in before]
    if not batches and not files:
        raise NothingToIngest()
    return batches, Due(bool(result["retrain"]), str(result["reason"]))


def check_drift(workspace: Workspace) -> dict[str, Any]:
    """Run the drift flow."""
    with workspace.open() as project:
        from flows.drift import drift

        with _a_server_or_a_sentence():
            return dict(drift(project.name))


def retrain_now(workspace: Workspace, reason: str, *, head_only: bool = False) -> dict[str, JsonValue]:
    """Run the retrain flow."""
    with workspace.open() as project:
        from flows.retrain import retrain

        with _a_server_or_a_sentence():
            return dict(retrain(project.name, reason, head_only=head_only))


@contextmanager
def _a_server_or_a_sentence() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if "ephemeral Prefect API server" not in str(error):  # Prefect has no type for it
            raise
        raise PrefectDidNotStart(str(error).split(" stdout:")[0]) from error
