"""`fsl drift`: what the drift checks found."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from fsl import console
from fsl.console import Reply, line, show, table
from fsl.drift.decision.history import read_history
from fsl.drift.detectors.findings import Finding
from fsl.workspace import find_workspace

app = typer.Typer(help="Has served traffic changed, and what was done?", no_args_is_help=True)


@app.command()
def history(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """List every window that was checked, with the decision and its reasons."""
    with find_workspace(Path.cwd()).open() as project:
        decisions = read_history(project.store)
    rows = [
        (one.window, f"{one.when:%Y-%m-%d %H:%M}", one.facts.version, one.action, "; ".join(one.reasons))
        for one in decisions
    ]
    shown: list[RenderableType] = [table(["window", "checked (UTC)", "version", "action", "why"], rows)]
    if decisions:
        shown.append(table(["finding", "p", "effect", "in words"], [_finding(one) for one in decisions[-1].findings]))
    if not decisions:
        shown = [line("no window was checked yet")]
    show(Reply([one.to_json() for one in decisions], shown), as_json=as_json)


def _finding(one: Finding) -> tuple[object, ...]:
    return one.name, f"{one.p_value:.4f}", f"{one.effect:.3f}", one.words
