"""`fsl models verify`, `gc` and `keygen`: keeping a registry sound, small and trusted."""

import base64
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
import yaml

from fsl import console
from fsl.console import Reply, line, show
from fsl.store.cleaning import Cleaning, clean
from fsl.store.signing import KEY_FILE, KEY_PASSWORD, Act, new_key
from fsl.store.verification import Verification, verify_registry, verify_version
from fsl.workspace import find_workspace


def verify(
    version: Annotated[str | None, typer.Argument(help="Only this one; default: everything.")] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Read every file, manifest and move, and say what does not hold. Exit status 1 where something does not."""
    with find_workspace(Path.cwd()).open() as project:
        registry = project.registry
        found = verify_registry(registry) if version is None else verify_version(registry, version)
    facts = {"holds": found.holds} | asdict(found)
    shown = [*(line(f"{fault}\n") for fault in found.faults), line(_summary(found, version))]
    show(Reply(facts, shown, [] if found.faults else ["fsl models ls"]), as_json=as_json)
    if not found.holds:
        raise typer.Exit(1)


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False,
    grace_hours: Annotated[float | None, typer.Option(help="Default: `registry.grace_hours`.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Nobody else writes; the grace may be short.")] = False,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Mark what no alias needs, and remove what an earlier cleaning marked a grace period ago."""
    with find_workspace(Path.cwd()).open() as project:
        config = project.config.registry
        hours = config.grace_hours if grace_hours is None else grace_hours
        done = clean(
            project.registry,
            now=datetime.now(UTC),
            keep=timedelta(days=config.keep_days),
            grace=timedelta(hours=hours),
            dry_run=dry_run,
            alone=alone,
        )
    facts = {"dry_run": dry_run} | asdict(done)
    following = ["fsl models gc"] if dry_run or done.marked or done.waiting else ["fsl models ls"]
    show(Reply(facts, [line(words) for words in _describe(done, hours, dry_run)], following), as_json=as_json)


def keygen(
    file: Annotated[Path, typer.Argument(help="A file that is not there yet; it gets the private key.")],
    name: Annotated[str, typer.Option(help="Whose key it is, such as `trainer`.")],
    may: Annotated[list[Act] | None, typer.Option(help="What it may sign; default: both.")] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Make a key to sign with, and print the lines that make others trust it."""
    signer = new_key(file)
    acts = [str(act) for act in Act if may is None or act in may]
    listed = {"name": name, "public_key": base64.b64encode(signer.public_key).decode(), "may": acts}
    lines = yaml.safe_dump({"registry": {"keys": [listed]}}, sort_keys=False, allow_unicode=True)
    locked = bool(os.environ.get(KEY_PASSWORD))
    lock = f"locked by {KEY_PASSWORD}" if locked else f"not locked: set {KEY_PASSWORD} before, and it is"
    shown = [
        line(f"the private key is in {file}, for you alone ({lock}). Keep it out of git and of the bucket."),
        line(f"in fsl.yaml of everybody who is to trust it:\n\n{lines}"),
        line("Sign first, promote a signed version, and set `registry.require_signature: true` last."),
    ]
    facts = {"file": str(file), "locked": locked, "key": listed, "key_id": signer.id}
    show(Reply(facts, shown, [f"export {KEY_FILE}={file.absolute()}"]), as_json=as_json)


def _summary(found: Verification, version: str | None) -> str:
    read = f"{found.n_versions} versions ({found.n_signed_versions} signed by a listed key), {found.n_files} files"
    read += f" ({found.n_bytes / 1e6:.1f} MB)"
    if version is None:
        read += f" and {found.n_moves} moves ({found.n_signed_moves} signed)"
    held = "everything holds" if found.holds else f"{len(found.faults)} things do not hold"
    orphans = f"; {found.n_orphans} files ({found.n_orphan_bytes / 1e6:.1f} MB) belong to no version"
    marks = f"; {found.n_marked} objects are marked to be cleaned away"
    return f"read {read}: {held}{orphans if found.n_orphans else ''}{marks if found.n_marked else ''}"


def _describe(done: Cleaning, hours: float, dry_run: bool) -> list[str]:
    would = "would be " if dry_run else ""
    megabytes = f"{done.n_bytes_marked / 1e6:.1f} MB"
    words = [f"{len(done.kept)} versions are kept"]
    if done.removed:
        words.append(f"{len(done.removed)} objects were removed")
    if done.spared:
        words.append(f"{len(done.spared)} objects were marked, and are needed again: they stay")
    words.append(
        f"{len(done.marked)} objects ({megabytes}) {would}marked; a cleaning {hours:g} hours from now removes those "
        "that nobody needs by then"
        if done.marked
        else "nothing else is unneeded"
    )
    if done.waiting:
        words.append(f"{len(done.waiting)} objects were marked by a cleaning before, and wait")
    if done.n_uploads_ended:
        words.append(f"{done.n_uploads_ended} uploads that nobody finished were ended")
    return words
