"""`fsl deploy`: every deployment, schedule and automation of a store's projects, on any Prefect server."""

import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from flows.up.up import living_state
from fsl import console
from fsl.console import Reply, line, show, table
from fsl.errors import FslError
from fsl.project import read_configs
from fsl.scheduling.silence import SCHEDULED
from fsl.workspace import Workspace, find_workspace


@dataclass(eq=False)
class BlocksMissing(FslError):
    """The config wants people to be told by blocks that the server does not have."""

    blocks: tuple[str, ...]
    api: str

    def __str__(self) -> str:
        return (
            f"everything was registered, but nobody will be told of silence by {', '.join(self.blocks)} "
            f"(`silence.notify`): {self.api} has no such block. Make it on Prefect's page under Blocks, with that "
            f"name, then: fsl deploy"
        )


def deploy(
    prefect_file: Annotated[
        Path | None,
        typer.Option(help="Write a file for Prefect's own command instead, and register nothing."),
    ] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Register all deployments, schedules and automations with the Prefect server that PREFECT_API_URL names.

    Without it, with the one that `fsl up` runs here. Twice is as good as once; what no config says any more goes.
    """
    workspace = find_workspace(Path.cwd())
    _name_the_server(workspace)
    if prefect_file is not None:
        _write(workspace, prefect_file, as_json=as_json)
        return
    from flows.server.registering import check_server, register

    check_server()
    with workspace.open() as project:
        configs = read_configs(project.config.store)
        done = register(configs, pool=project.config.deploy.pool)
    if done.missing_blocks:
        raise BlocksMissing(done.missing_blocks, done.api)
    rows = [
        (config.project, flow, cron, config.schedule.timezone)
        for config in configs
        for flow in SCHEDULED
        if (cron := getattr(config.schedule, flow)) is not None
    ]
    shown: list[RenderableType] = [
        table(["project", "flow", "schedule", "time zone"], rows),
        line(f"{len(done.deployments)} deployments at {done.api}, in the work pool {', '.join(done.pools)}"),
    ]
    if workspace.config.store.endpoint_url is None:
        shown.append(line("the store is this folder's own, so only workers of this machine reach it: fsl up has one"))
    following = [f"prefect worker start --pool {name}" for name in done.pools]
    show(Reply(asdict(done), shown, following), as_json=as_json)


def _write(workspace: Workspace, file: Path, *, as_json: bool) -> None:
    from flows.server.prefect_file import render

    with workspace.open() as project:
        configs = read_configs(project.config.store)
        file.write_text(render(configs, pool=project.config.deploy.pool, file=str(file)), encoding="utf-8")
    facts = {"file": str(file), "projects": [config.project for config in configs]}
    command = f"prefect --no-prompt deploy --all --prefect-file {shlex.quote(str(file))}"
    show(Reply(facts, [line(f"wrote {file}; nothing was registered")], [command]), as_json=as_json)


def _name_the_server(workspace: Workspace) -> None:
    """Say where the server is, before Prefect is imported."""
    from flows.server.settings import QUIET

    state = living_state(workspace)
    values = {**QUIET, "PREFECT_LOGGING_LEVEL": "ERROR"} | ({"PREFECT_API_URL": state.api} if state else {})
    for name, value in values.items():
        os.environ.setdefault(name, value)
