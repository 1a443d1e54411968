"""`fsl models promote`, `tag` and `rollback`: a person moves an alias."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fsl import console
from fsl.commands.people import person
from fsl.console import Reply, line, show
from fsl.promotion.overrides import Override, promote_by_hand, tag_version
from fsl.store.aliases import CHAMPION, rollback
from fsl.store.registry import load_manifest
from fsl.workspace import find_workspace

VERSION = typer.Argument(help="A version, as `fsl models ls` names it.")
REASON = typer.Option(help="Why; it is kept in the log.")
DESPITE = typer.Option("--despite-rollback", help="Also where the version was left by a rollback.")


def promote(
    version: Annotated[str, VERSION],
    reason: Annotated[str, REASON],
    despite_rollback: Annotated[bool, DESPITE] = False,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Make a version the champion, whatever the gate said of it."""
    with find_workspace(Path.cwd()).open() as project:
        verdict = load_manifest(project.registry, version).facts.get("verdict")
        made = promote_by_hand(
            project, version, who=person(), why=reason, now=datetime.now(UTC), despite_rollback=despite_rollback
        )
    outcome = verdict.get("outcome") if isinstance(verdict, dict) else None
    shown = [line(describe(made))]
    if outcome != "promote":
        shown.append(line(f"the gate had said: {outcome or 'nothing'} (`fsl models show {version}` gives its reasons)"))
    following = ["fsl models log"]
    if made.before is not None:
        following.append('fsl models rollback --reason "…"')
    show(Reply(move_facts(made) | {"gate": outcome}, shown, following), as_json=as_json)


def tag(
    version: Annotated[str, VERSION],
    alias: Annotated[str, typer.Argument(help="A name of your own, such as `summer` or `canary`.")],
    reason: Annotated[str, REASON],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Give an alias of your own to a version. What an alias ever named is not cleaned away."""
    with find_workspace(Path.cwd()).open() as project:
        made = tag_version(project.registry, version, alias, who=person(), why=reason, now=datetime.now(UTC))
    show(Reply(move_facts(made), [line(describe(made))], [f"fsl models log --alias {alias}"]), as_json=as_json)


def roll_back(
    reason: Annotated[str, REASON],
    alias: Annotated[str, typer.Option(help="Which alias goes back.")] = CHAMPION,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Give an alias back to the version before; no scheduled run promotes again what it leaves."""
    with find_workspace(Path.cwd()).open() as project:
        move = rollback(project.registry, alias, who=person(), why=reason, now=datetime.now(UTC))
    facts = {"alias": alias, "seq": move.seq, "version": move.version, "left": move.rolled_back, "why": move.why}
    following = ["fsl models log" if alias == CHAMPION else f"fsl models log --alias {alias}"]
    words = f"{_the(alias)} is {move.version} again (move {move.seq}); {move.rolled_back} was left"
    show(Reply(facts, [line(words)], following), as_json=as_json)


def describe(made: Override) -> str:
    """Say what a move did."""
    instead = f", in place of {made.before.version}" if made.before else ""
    return f"{_the(made.move.alias)} is {made.move.version} now (move {made.move.seq}){instead}"


def move_facts(made: Override) -> dict[str, object]:
    """Return a move for programs."""
    move = made.move
    return {
        "alias": move.alias,
        "seq": move.seq,
        "version": move.version,
        "before": made.before.version if made.before else None,
        "verdict": move.verdict,
        "who": move.who,
        "why": move.why,
        "signed_by": move.signed_by,
    }


def _the(alias: str) -> str:
    return "the champion" if alias == CHAMPION else repr(alias)
