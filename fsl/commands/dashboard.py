"""`fsl dashboard`: the drift windows over time, in a browser on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from fsl import console
from fsl.console import Reply, line, show
from fsl.workspace import find_workspace


def dashboard(
    port: Annotated[int, typer.Option(help="Where it listens, on this machine alone.", min=1024, max=65535)] = 8010,
    build_only: Annotated[bool, typer.Option("--build-only", help="Write the workspace and start no server.")] = False,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Show every drift window over time: Evidently with this project loaded. Ctrl+C ends it.

    It goes on until it is ended, takes in new windows by itself, reaches nothing outside, and holds no text.
    """
    from fsl.drift.decision.history import read_history
    from fsl.drift.report.dashboard import Dashboard

    workspace = find_workspace(Path.cwd())
    with workspace.open() as project:
        pages = Dashboard(workspace.state / "dashboard", project.name)
        decisions = read_history(project.store)
        pages.feed(decisions)
        url = f"http://127.0.0.1:{port}"
        facts = {"url": None if build_only else url, "folder": str(pages.folder), "n_windows": len(decisions)}
        where = f"written to {pages.folder}" if build_only else f"at {url} (Ctrl+C ends it)"
        following = [] if decisions else ["fsl drift run"]
        show(Reply(facts, [line(f"{len(decisions)} windows, {where}")], following), as_json=as_json)
        if not build_only:
            try:
                raise typer.Exit(pages.serve(port, lambda: read_history(project.store)))
            except KeyboardInterrupt:
                raise typer.Exit(0) from None
