"""`fsl models export`, `import` and `copy`: a version goes elsewhere, or comes from there."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fsl import console
from fsl.commands.models_moves import DESPITE, VERSION, describe, move_facts
from fsl.commands.people import person
from fsl.console import Reply, line, show
from fsl.pages.words import n_of
from fsl.project import Project
from fsl.promotion.overrides import AlreadyThere, Override, check_not_left, promote_by_hand, tag_version
from fsl.store.exports import export_version, import_version
from fsl.store.transfer import Transfer, copy_version
from fsl.workspace import CONFIG_FILE, NoWorkspace, Workspace, find_workspace, open_both


def export(
    version: Annotated[str, VERSION],
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Write a version to a folder: its manifest, signature and all, beside its files."""
    with find_workspace(Path.cwd()).open() as project:
        manifest = export_version(project.registry, version, folder, project.cache)
    n_bytes = sum(file.size for file in manifest.files)
    facts = {
        "version": manifest.version,
        "folder": str(folder),
        "files": len(manifest.files),
        "bytes": n_bytes,
        "signed_by": manifest.signed_by,
    }
    files = n_of(len(manifest.files), "file")
    words = f"wrote {manifest.version} to {folder}: {files}, {n_bytes / 1e6:.1f} MB, each checked"
    show(Reply(facts, [line(words)], [f"fsl models import {folder}  # in the other project"]), as_json=as_json)


def take_in(
    folder: Annotated[Path, typer.Argument(help="A folder as `fsl models export` wrote it.")],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Take an exported version into this project's registry. It serves nobody until it is promoted."""
    with find_workspace(Path.cwd()).open() as project:
        came = import_version(project.registry, folder, max_bytes=_max_bytes(project))
        facts = _transfer_facts(came) | {"registry": project.store.where()}
    version = came.manifest.version
    following = [f"fsl models show {version}", f'fsl models promote {version} --reason "…"']
    show(Reply(facts, [line(_describe(came, "imported"))], following), as_json=as_json)


def copy(
    version: Annotated[str, VERSION],
    to: Annotated[Path, typer.Option(help="The other project's folder, or its fsl.yaml.")],
    promote: Annotated[bool, typer.Option("--promote", help="Make it the champion there.")] = False,
    alias: Annotated[str | None, typer.Option(help="Give it this alias there.")] = None,
    despite_rollback: Annotated[bool, DESPITE] = False,
    profile: Annotated[str | None, typer.Option(help="AWS profile that opens the other store.")] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Copy a version into another project's registry, every file proven by its digest. No alias moves unasked."""
    with open_both(find_workspace(Path.cwd()), _workspace_at(to), profile=profile) as (here, there):
        if promote and not despite_rollback:
            check_not_left(there, version)
        came = copy_version(here.registry, there.registry, version, max_bytes=_max_bytes(there))
        why = f"copied from {here.store.where()}"
        moved = [_promote(there, version, why, despite_rollback)] if promote else []
        moved += [_tag(there, version, alias, why)] if alias is not None else []
        facts = _transfer_facts(came) | {"from": here.store.where(), "to": there.store.where()}
    moves = [move_facts(made) for made in moved if made is not None]
    shown = [line(f"{_describe(came, 'copied')} to {facts['to']}")]
    shown += [line(f"there, {describe(made)}" if made else "there, it has that alias already") for made in moved]
    following = [f"cd {to if to.is_dir() else to.parent}", "fsl models ls"]
    if not moved:
        following.append(f'fsl models promote {version} --reason "…"')
    show(Reply(facts | {"moves": moves}, shown, following), as_json=as_json)


def _promote(project: Project, version: str, why: str, despite_rollback: bool) -> Override | None:
    try:
        return promote_by_hand(
            project, version, who=person(), why=why, now=datetime.now(UTC), despite_rollback=despite_rollback
        )
    except AlreadyThere:  # a copy that is made again
        return None


def _tag(project: Project, version: str, alias: str, why: str) -> Override | None:
    try:
        return tag_version(project.registry, version, alias, who=person(), why=why, now=datetime.now(UTC))
    except AlreadyThere:
        return None


def _workspace_at(path: Path) -> Workspace:
    folder = path.parent if path.name == CONFIG_FILE else path
    if not (folder / CONFIG_FILE).is_file():
        raise NoWorkspace(str(folder.absolute()))
    return Workspace(folder.resolve())


def _max_bytes(project: Project) -> int:
    return int(project.config.registry.max_version_gb * 1e9)


def _transfer_facts(came: Transfer) -> dict[str, object]:
    return {
        "version": came.manifest.version,
        "was_there": came.was_there,
        "files": len(came.manifest.files),
        "files_sent": came.n_files_sent,
        "bytes_sent": came.n_bytes_sent,
        "signed_by": came.manifest.signed_by,
    }


def _describe(came: Transfer, verb: str) -> str:
    version, files = came.manifest.version, n_of(len(came.manifest.files), "file")
    sent = f"{files}, each proven by its digest; {came.n_files_sent} of them sent"
    return f"{version} was there before; {sent}" if came.was_there else f"{verb} {version}: {sent}"
