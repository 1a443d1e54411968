"""`fsl drift`: what the drift checks found. `fsl drift run`, which runs the flow, is added by `flows.cli`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from fsl import console
from fsl.console import Reply, line, show, table
from fsl.drift.decision.decision import Decision
from fsl.drift.decision.history import read_history
from fsl.drift.detectors.findings import Finding
from fsl.drift.errors import NoSuchWindow, NothingAsked
from fsl.drift.report.lines import drift_score, sparkline, tell_window
from fsl.workspace import find_workspace

app = typer.Typer(help="Has served traffic changed, is it hurting, and what was done?", no_args_is_help=True)
_WINDOW = typer.Argument(help="Its name, or how it begins; default: the last one.")


@app.command()
def history(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """List every window that was checked, with the decision and its reason."""
    with find_workspace(Path.cwd()).open() as project:
        decisions = read_history(project.store)
    shown: list[RenderableType] = [line("no window was checked yet")]
    if decisions:
        scores = [drift_score(one) for one in decisions[-60:]]
        accuracy = [one.harm.accuracy.value if one.harm and one.harm.accuracy else None for one in decisions[-60:]]
        rows = [
            (one.window, f"{one.when:%Y-%m-%d %H:%M}", one.facts.version, one.action, _accuracy(one), one.reasons[0])
            for one in decisions
        ]
        shown = [
            table(["window", "checked (UTC)", "version", "action", "accuracy, estimated", "why"], rows),
            line(f"drift    {sparkline(scores)}"),
            line(f"accuracy {sparkline(accuracy)}"),
        ]
        if decisions[-1].budget is not None:
            shown.append(line(decisions[-1].budget.words))
    following = ["fsl drift explain"] if decisions else ["fsl drift run"]
    show(Reply([one.to_json() for one in decisions], shown, following), as_json=as_json)


@app.command()
def explain(
    window: Annotated[str, _WINDOW] = "",
    full: Annotated[bool, typer.Option("--full", help="Every test, not the alarms alone.")] = False,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Tell one window in ten lines: what changed, by which texts, whether it hurts, what follows."""
    with find_workspace(Path.cwd()).open() as project:
        decisions = read_history(project.store)
    found = find_window(decisions, window)
    shown: list[RenderableType] = [line(words) for words in tell_window(found, decisions)]
    if full:
        shown += [table(["finding", "p", "effect", "in words"], [_row(one) for one in found.findings])]
        shown += [line(words) for words in (*found.mix, *found.notes)]
    following = [f"fsl drift ask {found.window} --to rows.jsonl"] if found.ask else ["fsl drift history"]
    show(Reply(found.to_json(), shown, following), as_json=as_json)


@app.command()
def ask(
    to: Annotated[Path, typer.Option("--to", help="A JSON Lines file to write; it must not exist.")],
    window: Annotated[str, _WINDOW] = "",
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Write the rows whose labels would help, to be labelled and ingested: a fifth drawn by chance, as an audit."""
    from fsl.drift.windows.reading import read_rows

    with find_workspace(Path.cwd()).open() as project:
        found = find_window(read_history(project.store), window)
        if not found.ask:
            raise NothingAsked(found.window, found.action)
        texts = read_rows(project.store, project.problem, found.facts.version, [one.row_id for one in found.ask])
        data = project.config.data
        target = data.target_column or project.problem.target_column
        with to.open("x", encoding="utf-8") as file:
            for one in found.ask:
                if one.row_id in texts:
                    row: dict[str, object] = {data.text_column: texts[one.row_id], target: None}
                    row |= {} if one.inclusion is None else {"audit": one.inclusion}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    n_gone = len(found.ask) - len(texts)
    gone = f"; {n_gone} are gone from the log" if n_gone else ""
    facts = {"window": found.window, "file": str(to), "n_rows": len(texts), "n_gone": n_gone}
    shown = line(f"{len(texts)} rows in {to}{gone}; fill in {target}")
    show(Reply(facts, [shown], [f"fsl ingest {to}"]), as_json=as_json)


def find_window(decisions: tuple[Decision, ...], name: str) -> Decision:
    """Return the window of that name, or of which the name is the only beginning; the last one without a name."""
    found = [one for one in decisions if one.window.startswith(name)]
    if name and len(found) != 1:
        raise NoSuchWindow(name, len(found))
    if not found:
        raise NoSuchWindow("", 0)
    return found[-1]


def _accuracy(one: Decision) -> str:
    if one.harm is None or one.harm.accuracy is None:
        return "unknown"
    accuracy = one.harm.accuracy
    return f"{100 * accuracy.value:.0f}% ({100 * accuracy.low:.0f} to {100 * accuracy.high:.0f}%)"


def _row(one: Finding) -> tuple[object, ...]:
    return f"{'!' if one.alarmed else ' '} {one.name}", f"{one.p_value:.4f}", f"{one.effect:.3f}", one.words
