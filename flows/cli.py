"""The command `fsl`: the library's verbs, and those that run flows."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from flows.commands import deploy, forget, up
from fsl import console
from fsl.cli import app
from fsl.commands.data import app as data_app
from fsl.commands.drift import app as drift_app
from fsl.console import Reply, line, show, table
from fsl.workspace import find_workspace, template_names

__all__ = ["app"]

app.command("up")(up.up)
app.command("down")(up.down)
app.command("status")(up.status)
app.command("deploy")(deploy.deploy)
data_app.command("forget")(forget.forget_rows)


@app.command()
def demo(
    template: Annotated[str, typer.Option(help=f"One of: {', '.join(template_names())}.")] = "support-intents",
    folder: Annotated[Path | None, typer.Option("--dir", help="Where; demo-TEMPLATE by default.")] = None,
    fresh: Annotated[bool, typer.Option(help="Remove an earlier demo in that folder first.")] = False,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Run the whole loop on sample data: ingest, retrain, serve, drift, retrain again."""
    from flows.demo.summary import show_summary
    from flows.demo.two_days import run_demo

    where = folder or Path(f"demo-{template}")
    summary = run_demo(where, template, fresh=fresh)
    following = (
        f"cd {where}",
        f"fsl predict {shlex.quote(summary.example)}",
        "fsl models log",
        "fsl data quarantine",
        "fsl drift history",
    )
    show(Reply(asdict(summary), show_summary(summary), following), as_json=as_json)


@app.command()
def ingest(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="What to drop first: files (.jsonl, .csv, .parquet, .gz of these), or hf:NAME[:split]."),
    ] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Drop files in the inbox, and take in everything that lies there."""
    from flows.handwork import ingest_files, prepare
    from flows.up.up import living_state

    workspace = prepare(find_workspace(Path.cwd()))
    batches, due = ingest_files(workspace, files or [])
    rows = [
        (batch.seq, batch.source.name, batch.n_read, batch.rows.n, batch.pool.n, batch.n_refused, batch.n_duplicates)
        for batch in batches
    ]
    shown: list[RenderableType] = [
        table(["#batch", "file", "#read", "#accepted", "#to pool", "#refused", "#duplicates"], rows),
        line(due.reason),
    ]
    facts = {"batches": [batch.seq for batch in batches], "retrain_due": due.yes, "reason": due.reason}
    following = ["fsl data quarantine"] if any(batch.n_refused for batch in batches) else []
    state = living_state(workspace)
    if state is not None and due.yes:
        shown.append(line(f"a retrain starts by itself: {state.api.removesuffix('/api')}/runs"))
    following.append("fsl retrain" if state is None else "fsl status")
    show(Reply(facts, shown, following), as_json=as_json)


@app.command()
def retrain(
    reason: Annotated[str, typer.Option(help="Why; shown on the run's page.")] = "started by hand",
    head_only: Annotated[
        bool, typer.Option("--head-only", help="Keep the champion's encoder; fit a new head, in seconds.")
    ] = False,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Train a challenger on everything accepted, judge it, and promote it if it is better."""
    from flows.handwork import prepare, retrain_now

    result = retrain_now(prepare(find_workspace(Path.cwd())), reason, head_only=head_only)
    reasons = result["reasons"] if isinstance(result["reasons"], list) else []
    shown = [line(f"{result['version']}: {result['outcome']}"), *(line(f"  {one}") for one in reasons)]
    following = [f"fsl models why {result['version']}", 'fsl predict "some text"']
    if result["outcome"] == "waiting":
        following = [f'fsl models {verb} {result["version"]} --reason "…"' for verb in ("approve", "refuse")]
    show(Reply(result, shown, following), as_json=as_json)


@drift_app.command("run")
def run_drift(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Compare the latest served window with the champion's first traffic."""
    from flows.handwork import check_drift, prepare
    from fsl.drift.decision.history import read_history
    from fsl.drift.report.lines import tell_window

    workspace = prepare(find_workspace(Path.cwd()))
    found = check_drift(workspace)
    with workspace.open() as project:
        decisions = read_history(project.store)
    looked_at = [one for one in decisions if one.window == found["window"]]
    shown = [line(words) for one in looked_at for words in tell_window(one, decisions)]
    if found["action"] not in {one.action for one in looked_at}:  # such as a retrain that has to wait
        shown.append(line(f"{found['action']}: {found['reason']}"))
    following = ["fsl retrain"] if found["action"] == "retrain" else []
    following += [f"fsl drift ask {one.window} --to rows.jsonl" for one in looked_at if one.ask]
    show(Reply(found, shown, [*following, "fsl drift history"]), as_json=as_json)
