"""`fsl config`: look at the config, check it, and hand it to the workers."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fsl import console
from fsl.config import RunConfig
from fsl.config.file import as_yaml
from fsl.console import Reply, line, show
from fsl.workspace import find_workspace

app = typer.Typer(help="Look at the project's config, and check it.", no_args_is_help=True)


@app.command()
def check(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Check fsl.yaml: every fault with its line and the nearest right key."""
    workspace = find_workspace(Path.cwd())
    config = workspace.config
    facts = {"project": config.project, "file": str(workspace.config_file), "ok": True}
    show(
        Reply(facts, [line(f"{workspace.config_file}: a sound config of the project {config.project}")]),
        as_json=as_json,
    )


@app.command("show")
def show_config(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Print every value, defaults and environment overrides included."""
    config = find_workspace(Path.cwd()).config
    show(Reply(config.model_dump(mode="json"), [line(as_yaml(config))]), as_json=as_json)


@app.command()
def schema(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Print the JSON schema of fsl.yaml, for editors and people."""
    facts = RunConfig.model_json_schema()
    show(Reply(facts, [line(json.dumps(facts, indent=2))]), as_json=as_json)


@app.command()
def push(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Put the config into the store, where workers on other machines read it."""
    with find_workspace(Path.cwd()).open() as project:
        facts = {"project": project.name, "store": project.store.where()}
        show(Reply(facts, [line(f"pushed {project.name} to {project.store.where()}")]), as_json=as_json)
