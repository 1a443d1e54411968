"""`fsl data retention`: unlabelled, served and dropped files that are kept no longer."""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from fsl import console
from fsl.console import Reply, line, show, table
from fsl.data.retention import apply_retention
from fsl.workspace import find_workspace


def keep_no_longer(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Retire and remove what `data.retention` in fsl.yaml keeps no longer. Labelled rows are never touched."""
    with find_workspace(Path.cwd()).open() as project:
        rules = project.config.data.retention
        done = apply_retention(project, datetime.now(UTC), dry_run=dry_run)
    facts = {"dry_run": dry_run, "rules": rules.model_dump(), **asdict(done)}
    files, size = Counter(one.place for one in done.retired), Counter[str]()
    for one in done.retired:
        size[one.place] += one.n_bytes
    rows = [(place, n, f"{size[place] / 1e6:.1f}") for place, n in files.items()]
    shown: list[RenderableType] = [
        line("would be retired:" if dry_run else "retired:"),
        table(["", "#files", "#MB"], rows),
    ]
    if not rows:
        shown = [line("nothing is too old or too much")]
    shown.append(line(f"{'would be removed' if dry_run else 'removed'}: {len(done.removed)} files"))
    if done.waiting:
        words = f"a snapshot of the last {rules.grace_days} days still names them (`data.retention.grace_days`)"
        shown.append(line(f"{len(done.waiting)} retired files wait: {words}"))
    if done.kept:
        shown.append(line(f"{len(done.kept)} old files stay: the champion's drift reference lies in them"))
    show(Reply(facts, shown, ["fsl data retention" if dry_run else "fsl data ls"]), as_json=as_json)
