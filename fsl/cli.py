"""The library's own verbs. `flows.cli` adds those that need flows, and is what the command `fsl` runs.

Each verb is a few lines: open the project, call the library, say what came out.
"""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from fsl import console
from fsl.commands import config, dashboard, data, doctor, drift, explain, models, predict, store, tune
from fsl.console import Reply, line, show
from fsl.workspace import init_workspace, template_names

app = console.App(
    help="Keeps small language models fit for their job, from a few labels, for years.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The new project's folder.")],
    template: Annotated[str, typer.Option(help=f"One of: {', '.join(template_names())}.")] = "support-intents",
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Make a project from a template: fsl.yaml and sample data."""
    workspace = init_workspace(folder, template)
    facts = {"folder": str(workspace.folder), "template": template, "project": workspace.config.project}
    shown = [line(f"made {workspace.folder} from the template {template}")]
    following = [f"cd {shlex.quote(str(folder))}", "fsl up", "fsl ingest data/day-1/labelled.jsonl"]
    show(Reply(facts, shown, following), as_json=as_json)


app.add_typer(config.app, name="config")
app.command("tune")(tune.tune)
app.command("predict")(predict.predict)
app.command("explain")(explain.explain)
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")
app.add_typer(drift.app, name="drift")
app.command("dashboard")(dashboard.dashboard)
app.add_typer(store.app, name="store")
app.command("doctor")(doctor.doctor)
