"""`fsl data`: what was accepted, and what was refused and why."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fsl import console
from fsl.commands import data_quarantine
from fsl.console import Reply, show, table
from fsl.data.batches import read_history
from fsl.data.snapshots import load_labels, take_snapshot
from fsl.workspace import find_workspace

app = typer.Typer(help="Batches, labels and quarantine.", no_args_is_help=True)
data_quarantine.register(app)


@app.command("ls")
def list_batches(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """List the accepted batches."""
    with find_workspace(Path.cwd()).open() as project:
        history = read_history(project.store)
    facts = [
        {
            "batch": record.seq,
            "file": record.source.name,
            "when": record.when.isoformat(),
            "read": record.n_read,
            "accepted": record.rows.n,
            "pool": record.pool.n,
            "refused": record.n_refused,
            "duplicates": record.n_duplicates,
            "new_labels": list(record.new_labels),
        }
        for record in history
    ]
    columns = ["#batch", "file", "when (UTC)", "#read", "#accepted", "#to pool", "#refused", "#duplicates"]
    rows = [
        (
            fact["batch"],
            fact["file"],
            str(fact["when"])[:16],
            fact["read"],
            fact["accepted"],
            fact["pool"],
            fact["refused"],
            fact["duplicates"],
        )
        for fact in facts
    ]
    show(Reply(facts, [table(columns, rows)], ["fsl data show", "fsl data quarantine"]), as_json=as_json)


@app.command("show")
def show_labels(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Show every label with its rows by split, and which have too few judge rows to be judged."""
    with find_workspace(Path.cwd()).open() as project:
        counts = load_labels(project.store, take_snapshot(project.store, project.config))
        need = project.config.gate.min_judge_rows_per_label
    rows = [
        (
            count.label,
            count.train,
            count.tune,
            count.judge,
            "" if count.judge >= need else f"unjudged: fewer than {need}",
        )
        for count in counts
    ]
    columns = ["label", "#train", "#tune", "#judge", ""]
    show(Reply([asdict(count) for count in counts], [table(columns, rows)]), as_json=as_json)
