"""`fsl models`: versions and aliases as they are. What moves, carries or cleans them stands beside this file."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from fsl import console
from fsl.commands import (
    models_approve,
    models_care,
    models_curves,
    models_moves,
    models_transfer,
    models_watch,
    models_why,
)
from fsl.console import Reply, line, show, table
from fsl.data.forgetting.due import deadline_of, tombstones_of
from fsl.errors import FslError
from fsl.store.aliases import CHAMPION, current_move, list_aliases, read_moves
from fsl.store.manifests import Manifest
from fsl.store.registry import Registry, list_versions, load_manifest
from fsl.store.registry_errors import NoSuchAlias
from fsl.workspace import find_workspace

app = typer.Typer(help="Versions in the registry, and which one serves.", no_args_is_help=True)


@app.command("ls")
def list_models(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """List every version with its verdict, the aliases that name it, and who signed it."""
    with find_workspace(Path.cwd()).open() as project:
        names, faults = _names_by_version(project.registry)
        facts = sorted(_list_versions(project.registry, names), key=lambda fact: str(fact["created"]))
    rows = [
        (
            fact["version"],
            str(fact["created"] or "")[:16],
            "" if fact["bytes"] is None else f"{fact['bytes'] / 1e6:.1f}",
            "cannot be read" if fact["fault"] else fact["verdict"] or "",
            ", ".join(fact["aliases"]),
            fact["signed_by"] or "",
        )
        for fact in facts
    ]
    faults += [str(fact["fault"]) for fact in facts if fact["fault"]]
    columns = ["version", "created (UTC)", "#MB", "verdict", "aliases", "signed by"]
    shown: list[RenderableType] = [table(columns, rows) if rows else line("there is no version yet")]
    shown += [line(f"\n{fault}") for fault in faults]
    following = ["fsl models log", f"fsl models show {facts[-1]['version']}"] if facts else ["fsl retrain"]
    show(Reply(facts, shown, ["fsl models verify", *following] if faults else following), as_json=as_json)


@app.command("show")
def show_model(
    version: Annotated[str, typer.Argument(help="A version, as `fsl models ls` names it.")],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Show a version's files, lineage and verdict with its reasons."""
    with find_workspace(Path.cwd()).open() as project:
        manifest = load_manifest(project.registry, version)
        seen = tombstones_of(project, manifest.facts)
        forgotten = [(one.seq, f"{deadline_of(project, one):%Y-%m-%d}") for one in seen]
    facts = {
        "version": manifest.version,
        "created": manifest.created.isoformat(),
        "signed_by": manifest.signed_by,
        "files": [{"path": file.path, "sha256": file.sha256, "size": file.size} for file in manifest.files],
        "facts": manifest.facts,
        "forgotten": [{"tombstone": seq, "deadline": deadline} for seq, deadline in forgotten],
    }
    verdict, snapshot = _verdict(manifest), str(manifest.facts.get("snapshot"))
    signed = f", signed by {manifest.signed_by}" if manifest.signed_by else ""
    lines: list[RenderableType] = [
        line(
            f"{manifest.version}, made {manifest.created:%Y-%m-%d %H:%M} UTC from the snapshot {snapshot[:12]}{signed}"
        ),
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
def show_log(
    alias: Annotated[str, typer.Option(help="Whose moves.")] = CHAMPION,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Show every move of an alias: what, when, who and why."""
    with find_workspace(Path.cwd()).open() as project:
        moves = read_moves(project.registry, alias)
        if not moves and alias != CHAMPION:
            raise NoSuchAlias(alias, project.registry.store.where())
    facts = [
        {
            "seq": move.seq,
            "version": move.version,
            "when": move.when.isoformat(),
            "who": move.who,
            "verdict": move.verdict,
            "why": move.why,
            "signed_by": move.signed_by,
        }
        for move in moves
    ]
    rows = [(move.seq, move.version, f"{move.when:%Y-%m-%d %H:%M}", move.who, move.verdict, move.why) for move in moves]
    shown = [table(["#", "version", "when (UTC)", "who", "verdict", "why"], rows)] if rows else []
    nothing = [line("no version was ever the champion")]
    following = [f"fsl models show {moves[-1].version}"] if moves else ["fsl retrain"]
    show(Reply(facts, shown or nothing, following), as_json=as_json)


app.command("promote")(models_moves.promote)
app.command("tag")(models_moves.tag)
app.command("rollback")(models_moves.roll_back)
app.command("export")(models_transfer.export)
app.command("import")(models_transfer.take_in)
app.command("copy")(models_transfer.copy)
app.command("approve")(models_approve.approve_model)
app.command("refuse")(models_approve.refuse_model)
app.command("waiting")(models_approve.list_waiting)
app.command("why")(models_why.why_model)
app.command("diff")(models_why.diff_models)
app.command("curves")(models_curves.curves)
app.command("watch")(models_watch.watch)
app.command("verify")(models_care.verify)
app.command("gc")(models_care.gc)
app.command("keygen")(models_care.keygen)


def _names_by_version(registry: Registry) -> tuple[dict[str, list[str]], list[str]]:
    """Return the aliases that name each version, and what is wrong with those that cannot be read."""
    names: dict[str, list[str]] = {}
    faults = []
    for alias in list_aliases(registry):
        try:
            move = current_move(registry, alias)
        except FslError as error:
            if error.retryable:
                raise
            faults.append(str(error))
        else:
            names.setdefault(move.version if move else "", []).append(alias)
    return names, faults


def _list_versions(registry: Registry, names: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Return the facts of each version. One that cannot be read hides no other."""
    return [_version_facts(registry, version, names.get(version, [])) for version in list_versions(registry)]


def _version_facts(registry: Registry, version: str, aliases: list[str]) -> dict[str, Any]:
    manifest, fault = None, None
    try:
        manifest = load_manifest(registry, version)
    except FslError as error:
        if error.retryable:
            raise
        fault = str(error)
    return {
        "version": version,
        "created": manifest.created.isoformat() if manifest else None,
        "bytes": sum(file.size for file in manifest.files) if manifest else None,
        "verdict": _verdict(manifest).get("outcome") if manifest else None,
        "champion": CHAMPION in aliases,
        "aliases": aliases,
        "signed_by": manifest.signed_by if manifest else None,
        "fault": fault,
    }


def _verdict(manifest: Manifest) -> dict[str, Any]:
    verdict = manifest.facts.get("verdict")
    return verdict if isinstance(verdict, dict) else {}
