"""`fsl store`: the project's place in a bucket, who may do what there, and the embedded server by hand."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from fsl import console
from fsl.commands import store_data, store_server
from fsl.console import Reply, inert, line, show
from fsl.store.embedded.errors import NotEmbedded
from fsl.store.embedded.files import prepare_folder
from fsl.store.embedded.roles import CREDENTIALS, grant_role
from fsl.store.roles import ROLES, as_json, build_policy, find_role
from fsl.workspace import find_workspace

app = typer.Typer(help="The project's store: roles, and the embedded server.", no_args_is_help=True)

_ROLE = typer.Argument(metavar="ROLE", help=f"One of: {', '.join(role.name for role in ROLES)}.")


@app.command()
def policy(
    role: Annotated[str, _ROLE],
    principal: Annotated[str | None, typer.Option(help="An ARN: print a bucket policy for it.")] = None,
    as_json_: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Print the AWS policy that gives a role its part of this project."""
    found = find_role(role)
    config = find_workspace(Path.cwd()).config
    document = build_policy(found, config.store.bucket, config.project, principal=principal)
    shown: list[RenderableType] = [
        line(f"the {found.name} {found.what}:"),
        Text(inert(as_json(document), lines=True), no_wrap=True),
    ]
    options = f" --principal {shlex.quote(principal)}" if principal else ""
    following = [f"fsl store policy {found.name}{options} --json > {found.name}.json"]
    show(Reply(document, shown, following), as_json=as_json_)


@app.command()
def grant(role: Annotated[str, _ROLE], as_json_: Annotated[bool, console.AS_JSON] = False) -> None:
    """Give the embedded server credentials for a role. They stay in a file that only you can read."""
    found = find_role(role)
    workspace = find_workspace(Path.cwd())
    config = workspace.config
    if config.store.endpoint_url is not None:
        raise NotEmbedded(config.store.endpoint_url)
    folder = workspace.state / "store"
    prepare_folder(folder)
    grant_role(folder, found, config.store.bucket, config.project)
    file = folder / CREDENTIALS
    shown = [
        line(f"the role {found.name} has credentials: the profile {found.name} in {file}"),
        line("They hold from the server's next start on."),
    ]
    following = ["fsl store stop", "fsl store start", f"export AWS_SHARED_CREDENTIALS_FILE={file}"]
    facts = {"role": found.name, "profile": found.name, "credentials_file": str(file)}
    show(Reply(facts, shown, [*following, f"export AWS_PROFILE={found.name}"]), as_json=as_json_)


app.command("start")(store_server.start)
app.command("stop")(store_server.stop)
app.command("status")(store_server.status)
app.command("migrate")(store_data.migrate)
app.command("backup")(store_data.backup)
app.command("restore")(store_data.restore)
