"""`fsl doctor`: what this machine has, and what to do about what it lacks."""

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from fsl import console
from fsl.config import PACKAGED_ENCODER, StoreConfig
from fsl.console import Reply, show, table
from fsl.errors import FslError
from fsl.project import connect
from fsl.store.objects import ObjectStore
from fsl.store.probe import probe_create_only
from fsl.workspace import NoWorkspace, Workspace, find_workspace

MIN_MEMORY_GB = 4
MIN_FREE_DISK_GB = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "missing", "warning"]
    detail: str
    remedy: str = ""


def doctor(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Say what this machine has, and what to do about each lack."""
    findings = list(_look())
    rows = [(finding.what, finding.state, finding.detail, finding.remedy) for finding in findings]
    show(
        Reply([asdict(finding) for finding in findings], [table(["", "state", "found", "what to do"], rows)]),
        as_json=as_json,
    )
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)


def _look() -> Iterator[Finding]:
    yield _machine()
    yield _disk()
    yield _gpu()
    yield _encoder()
    try:
        workspace = find_workspace(Path.cwd())
    except NoWorkspace:
        yield Finding("project", "warning", "none in this folder", "fsl init my-project, then look again inside it")
        return
    yield from _project(workspace)


def _machine() -> Finding:
    import psutil

    memory = psutil.virtual_memory().total / 1e9
    detail = (
        f"{os.cpu_count()} cores, {memory:.0f} GB memory, Python {platform.python_version()} on {platform.machine()}"
    )
    if memory < MIN_MEMORY_GB:
        return Finding("machine", "warning", detail, f"training wants {MIN_MEMORY_GB} GB: lower learning.*.batch_size")
    return Finding("machine", "ok", detail)


def _disk() -> Finding:
    import psutil

    free = psutil.disk_usage(str(Path.cwd())).free / 1e9
    remedy = "" if free >= MIN_FREE_DISK_GB else f"free some: the embedded store wants {MIN_FREE_DISK_GB} GB"
    return Finding("disk", "warning" if remedy else "ok", f"{free:.0f} GB free here", remedy)


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("GPU", "ok", torch.cuda.get_device_name(0))
    return Finding("GPU", "ok", "none; everything runs on the CPU, slower")


def _encoder() -> Finding:
    from fsl.learning.encoders import packaged_encoder

    try:
        packaged_encoder(PACKAGED_ENCODER)
    except FslError as error:
        return Finding("packaged encoder", "missing", str(error), "pip install 'fsl[embedded]'")
    return Finding("packaged encoder", "ok", f"{PACKAGED_ENCODER}, SHA-256 as it should be")


def _project(workspace: Workspace) -> Iterator[Finding]:
    try:
        config = workspace.config
    except FslError as error:
        yield Finding("config", "missing", str(error), "mend fsl.yaml, then: fsl config check")
        return
    yield Finding("config", "ok", f"project {config.project}, {config.problem.kind}")
    try:
        with workspace.open_store() as store_config:
            store = connect(store_config, config.project)
            store.ensure_bucket()
            yield Finding("store", "ok", f"{store.where()}, {store.server_name() or 'a server that gives no name'}")
            yield look_at_writes(store, store_config)
    except FslError as error:
        yield Finding("store", "missing", str(error), "the sentence beside says what")
        return
    yield _prefect()


def look_at_writes(store: ObjectStore, config: StoreConfig) -> Finding:
    """Try create-only writes, as the config says that they are made."""
    result = probe_create_only(store)
    bucket = "a bucket that keeps versions" if result.keeps_versions else "a bucket without versions"
    turns = f", by turns under {config.lock_file}" if config.lock_file else ""
    if result.honoured:
        return Finding(
            "create-only writes",
            "ok",
            f"honoured in {bucket}, one after the other and in a race{turns}; tried just now",
        )
    if config.single_writer:
        return Finding("create-only writes", "warning", result.detail, "see that only one process ever writes")
    remedy = "another store, store.single_writer: true, or store.lock_file"
    return Finding("create-only writes", "missing", result.detail, remedy)


def _prefect() -> Finding:
    """The library does not import Prefect; it asks the server over HTTP as anybody may."""
    import urllib.request

    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return Finding(
            "Prefect server", "ok", "none named; flows start one for the time being (PREFECT_API_URL names yours)"
        )
    if not url.startswith(("http://", "https://")):
        return Finding("Prefect server", "missing", url, "PREFECT_API_URL should begin with http:// or https://")
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):  # noqa: S310 - the scheme was checked
            return Finding("Prefect server", "ok", url)
    except OSError as error:
        return Finding("Prefect server", "missing", f"{url}: {error}", "start it: prefect server start")
