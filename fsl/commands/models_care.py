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
from fsl.pages.words import n_of
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
    read = f"{n_of(found.n_versions, 'version')} ({found.n_signed_versions} signed by a listed key), "
    read += f"{n_of(found.n_files, 'file')} ({found.n_bytes / 1e6:.1f} MB)"
    if version is None:
        read += f" and {n_of(found.n_moves, 'move')} ({found.n_signed_moves} signed)"
    held = "everything holds" if found.holds else f"what does not hold: {n_of(len(found.faults), 'thing')}"
    notes = {
        f"not signed, of old, and refused: {n_of(found.n_refused, 'version')}": found.n_refused,
        f"of no version: {n_of(found.n_orphans, 'file')} ({found.n_orphan_bytes / 1e6:.1f} MB)": found.n_orphans,
        f"marked to be cleaned away: {n_of(found.n_marked, 'object')}": found.n_marked,
    }
    return "; ".join([f"read {read}: {held}", *(words for words, count in notes.items() if count)])


def _describe(done: Cleaning, hours: float, dry_run: bool) -> list[str]:
    words = [f"kept: {n_of(len(done.kept), 'version')}"]
    if done.removed:
        words.append(f"removed: {n_of(len(done.removed), 'object')}")
    if done.spared:
        words.append(f"marked before, needed again, and kept: {n_of(len(done.spared), 'object')}")
    if done.waiting:
        words.append(f"marked before, and waiting: {n_of(len(done.waiting), 'object')}")
    if done.n_uploads_ended:
        words.append(f"ended: {n_of(done.n_uploads_ended, 'upload')} that nobody finished")
    marked = f"{n_of(len(done.marked), 'object')} ({done.n_bytes_marked / 1e6:.1f} MB)"
    later = f"a cleaning {hours:g} hours from now removes what nobody needs by then"
    if done.marked:
        words.append(f"{'to be marked' if dry_run else 'marked'}: {marked}; {later}")
    elif not done.waiting:
        words.append("nothing else is unneeded")
    return words
