"""`fsl data`: what was accepted, and what was refused and why."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from fsl import console
from fsl.commands import data_batches
from fsl.console import Reply, line, show, table
from fsl.data.batches import read_history
from fsl.data.quarantine import RefusedRow, group_by_reason, load_refused, save_export
from fsl.workspace import find_workspace

app = typer.Typer(help="Batches, labels and quarantine.", no_args_is_help=True)
data_batches.register(app)


@app.command()
def quarantine(
    export: Annotated[
        Path | None, typer.Option(help="Write the refused rows to a file, to be mended and dropped again.")
    ] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Show refused rows by reason, with examples."""
    with find_workspace(Path.cwd()).open() as project:
        refused = list(load_refused(project.store, read_history(project.store)))
    groups = group_by_reason(refused)
    facts = {"rows": len(refused), "reasons": {group.code: group.n for group in groups}}
    shown: list[RenderableType] = [line(f"{len(refused)} rows are in quarantine")]
    for group in groups:
        examples = [(row.source, _excerpt(row.text or row.raw), _words(row, group.code)) for row in group.examples]
        shown.append(table(["where", "text", "why"], examples, title=f"\n{group.code}: {group.n}"))
    if export is not None:
        n_rows = save_export(refused, export)
        shown.append(line(f"\nwrote {n_rows} rows to {export}"))
        show(
            Reply({**facts, "exported": str(export)}, shown, [f"mend {export}", f"fsl ingest {export}"]),
            as_json=as_json,
        )
        return
    show(Reply(facts, shown, ["fsl data quarantine --export mend.jsonl"] if refused else []), as_json=as_json)


def _words(row: RefusedRow, code: str) -> str:
    return "; ".join(reason.words for reason in row.reasons if reason.code == code)


def _excerpt(text: str) -> str:
    return text if len(text) <= 70 else f"{text[:70]}…"
