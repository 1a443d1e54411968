"""`fsl models`: versions, the champion's history, and the way back."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from fsl import console
from fsl.console import Reply, line, show, table
from fsl.data.forgetting.due import deadline_of, tombstones_seen
from fsl.promotion import CHAMPION
from fsl.store.aliases import current_move, read_moves, rollback
from fsl.store.registry import list_versions, load_manifest
from fsl.workspace import find_workspace

app = typer.Typer(help="Versions in the registry, and which one serves.", no_args_is_help=True)


@app.command("ls")
def list_models(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """List every version with its verdict."""
    with find_workspace(Path.cwd()).open() as project:
        move = current_move(project.store, CHAMPION)
        manifests = [load_manifest(project.store, version) for version in list_versions(project.store)]
    serving = move.version if move else None
    facts: list[dict[str, Any]] = [
        {
            "version": manifest.version,
            "created": manifest.created.isoformat(),
            "bytes": sum(file.size for file in manifest.files),
            "verdict": _verdict(manifest.facts).get("outcome"),
            "champion": manifest.version == serving,
        }
        for manifest in sorted(manifests, key=lambda manifest: manifest.created)
    ]
    rows = [
        (
            fact["version"],
            str(fact["created"])[:16],
            f"{fact['bytes'] / 1e6:.1f}",
            fact["verdict"],
            "champion" if fact["champion"] else "",
        )
        for fact in facts
    ]
    following = ["fsl models log", f"fsl models show {facts[-1]['version']}"] if facts else ["fsl retrain"]
    show(Reply(facts, [table(["version", "created (UTC)", "#MB", "verdict", ""], rows)], following), as_json=as_json)


@app.command("show")
def show_model(
    version: Annotated[str, typer.Argument(help="A version, as `fsl models ls` names it.")],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Show a version's files, lineage and verdict with its reasons."""
    with find_workspace(Path.cwd()).open() as project:
        manifest = load_manifest(project.store, version)
        seen = tombstones_seen(project, str(manifest.facts.get("snapshot") or ""))
        forgotten = [(one.seq, f"{deadline_of(project, one):%Y-%m-%d}") for one in seen]
    facts = {
        "version": manifest.version,
        "created": manifest.created.isoformat(),
        "files": [{"path": file.path, "sha256": file.sha256, "size": file.size} for file in manifest.files],
        "facts": manifest.facts,
        "forgotten": [{"tombstone": seq, "deadline": deadline} for seq, deadline in forgotten],
    }
    verdict, snapshot = _verdict(manifest.facts), str(manifest.facts.get("snapshot"))
    lines: list[RenderableType] = [
        line(f"{manifest.version}, made {manifest.created:%Y-%m-%d %H:%M} UTC from the snapshot {snapshot[:12]}"),
        line(f"verdict: {verdict.get('outcome')} against {verdict.get('champion') or 'nothing'}"),
        *(line(f"  {reason}") for reason in verdict.get("reasons", [])),
        *(
            line(f"it learnt from rows forgotten since (tombstone {seq}); the gate refuses it after {deadline}")
            for seq, deadline in forgotten
        ),
        table(["file", "#bytes", "sha256"], [(file.path, file.size, file.sha256[:16]) for file in manifest.files]),
    ]
    show(Reply(facts, lines), as_json=as_json)


@app.command("log")
def show_log(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Show every move of the champion: what, when, who and why."""
    with find_workspace(Path.cwd()).open() as project:
        moves = read_moves(project.store, CHAMPION)
    facts = [
        {
            "seq": move.seq,
            "version": move.version,
            "when": move.when.isoformat(),
            "who": move.who,
            "verdict": move.verdict,
            "why": move.why,
        }
        for move in moves
    ]
    rows = [(move.seq, move.version, f"{move.when:%Y-%m-%d %H:%M}", move.who, move.verdict, move.why) for move in moves]
    show(Reply(facts, [table(["#", "version", "when (UTC)", "who", "verdict", "why"], rows)]), as_json=as_json)


@app.command("rollback")
def roll_back(
    reason: Annotated[str, typer.Option(help="Why; it is kept in the log.")],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Make the version before the champion once more."""
    with find_workspace(Path.cwd()).open() as project:
        move = rollback(project.store, CHAMPION, who=f"person:{getpass.getuser()}", why=reason, now=datetime.now(UTC))
    facts = {"seq": move.seq, "version": move.version, "why": move.why}
    show(
        Reply(facts, [line(f"the champion is {move.version} again (move {move.seq})")], ["fsl models log"]),
        as_json=as_json,
    )


def _verdict(facts: dict[str, Any]) -> dict[str, Any]:
    verdict = facts.get("verdict")
    return verdict if isinstance(verdict, dict) else {}
