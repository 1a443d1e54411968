"""`fsl models approve`, `refuse` and `waiting`: people in the loop."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fsl import console
from fsl.commands.people import person
from fsl.console import Reply, line, show, table
from fsl.promotion import approval
from fsl.workspace import find_workspace

_VERSION = typer.Argument(help="A version that waits, as `fsl models waiting` names it.")
_REASON = typer.Option(help="Why; it is kept with the decision.")


def approve_model(
    version: Annotated[str, _VERSION],
    reason: Annotated[str, _REASON],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Say yes to a version that waits, and make it the champion."""
    why = _checked(reason)
    with find_workspace(Path.cwd()).open() as project:
        move = approval.approve(project, version, who=person(), why=why, now=datetime.now(UTC))
    facts = {"seq": move.seq, "version": move.version, "verdict": move.verdict, "who": move.who, "why": move.why}
    said = [line(f"{version} is the champion (move {move.seq}, {move.verdict})")]
    show(Reply(facts, said, ["fsl models log", 'fsl models rollback --reason "…"']), as_json=as_json)


def refuse_model(
    version: Annotated[str, _VERSION],
    reason: Annotated[str, _REASON],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Say no to a version that waits; what serves stays."""
    why = _checked(reason)
    with find_workspace(Path.cwd()).open() as project:
        found = approval.refuse(project, version, who=person(), why=why, now=datetime.now(UTC))
    said = [line(f"{version} was refused; what serves stays")]
    show(Reply(found.model_dump(mode="json"), said, [f"fsl models why {version}", "fsl models ls"]), as_json=as_json)


def list_waiting(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """List the versions that somebody was asked about, and how it ended."""
    with find_workspace(Path.cwd()).open() as project:
        standings = approval.list_standings(project, now=datetime.now(UTC))
    facts = [
        {
            **one.request.model_dump(mode="json"),
            "state": one.state,
            "decision": one.decision.model_dump(mode="json") if one.decision else None,
        }
        for one in standings
    ]
    rows = [
        (one.request.version, one.state, one.request.outcome, f"{one.request.until:%Y-%m-%d %H:%M}", one.describe())
        for one in standings
    ]
    waiting = [one.request.version for one in standings if one.state == "waiting"]
    following = [f'fsl models {verb} {version} --reason "…"' for version in waiting for verb in ("approve", "refuse")]
    shown = table(["version", "state", "verdict", "until (UTC)", ""], rows) if rows else line("nothing waits")
    show(Reply(facts, [shown], following or ["fsl models ls"]), as_json=as_json)


def _checked(reason: str) -> str:
    words = " ".join(reason.split())
    if not words:
        raise typer.BadParameter("a decision needs a reason that others can read", param_hint="--reason")
    return words
