"""`fsl data quarantine` and `fsl data set-aside`: rows and files that were refused, and what is done about them."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from fsl import console
from fsl.console import Reply, line, show, table
from fsl.data.history import read_history
from fsl.data.mending import load_open
from fsl.data.quarantine import RefusedRow, group_by_reason, save_export
from fsl.data.setting_aside import SetAside, list_set_aside, set_aside
from fsl.workspace import find_workspace


def show_quarantine(
    export: Annotated[
        Path | None, typer.Option(help="Write the refused rows to a file, to be mended and dropped again.")
    ] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Show the refused rows that wait to be mended by reason, with examples, and the files that were set aside."""
    with find_workspace(Path.cwd()).open() as project:
        found = load_open(project.store, read_history(project.store))
        files = list_set_aside(project.store)
    groups = group_by_reason(found.rows)
    facts = {
        "rows": len(found.rows),
        "cleared": found.n_cleared,
        "reasons": {group.code: group.n for group in groups},
        "files": [asdict(file) for file in files],
    }
    cleared = f"; {found.n_cleared} more were mended since" if found.n_cleared else ""
    shown: list[RenderableType] = [line(f"{len(found.rows)} rows are in quarantine{cleared}")]
    for group in groups:
        examples = [(row.source, _excerpt(row.text or row.raw), _words(row, group.code)) for row in group.examples]
        shown.append(table(["where", "text", "why"], examples, title=f"\n{group.code}: {group.n}"))
    if files:
        shown.append(_files(files))
    following = ["fsl data quarantine --export mend.jsonl"] if found.rows else []
    if export is not None:
        n_rows = save_export(found.rows, export)
        facts |= {"exported": str(export)}
        shown.append(line(f"\nwrote {n_rows} rows to {export}"))
        following = [f"mend {export}", f"fsl ingest {export}"] if n_rows else []
    show(Reply(facts, shown, following), as_json=as_json)


def set_file_aside(
    name: Annotated[str, typer.Argument(help="The file, as `fsl ingest` names it.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept beside the file.")],
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Move a file that was refused whole from the inbox to quarantine, with a reason. It is kept as it is."""
    with find_workspace(Path.cwd()).open() as project:
        note = set_aside(project.store, name, reason=reason, now=datetime.now(UTC))
        where = project.store.where(note.key)
    shown = [line(f"{note.name} was set aside ({note.size:,} bytes), and lies whole at {where}")]
    show(Reply({**asdict(note), "where": where}, shown, ["fsl ingest", "fsl data quarantine"]), as_json=as_json)


def _files(files: tuple[SetAside, ...]) -> RenderableType:
    rows = [(file.name, file.when.isoformat()[:16], f"{file.size:,}", file.reason) for file in files]
    return table(["file", "set aside (UTC)", "#bytes", "why"], rows, title="\nfiles that were set aside")


def _words(row: RefusedRow, code: str) -> str:
    return "; ".join(reason.words for reason in row.reasons if reason.code == code)


def _excerpt(text: str) -> str:
    return text if len(text) <= 70 else f"{text[:70]}…"
