"""The whole loop on the templates, over several random splits: does the second day end well, and how long does it take?

Each cell is one template under one split key: two days, two retrains, as the demo does them but without Prefect.
Figures come from judge rows, through the exported bundle.
"""

import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.cells import Facts, machine, run_cell
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.snapshots import take_snapshot
from fsl.drift.decision.examine import examine
from fsl.drift.windows.reading import read_windows
from fsl.evaluation.ruling.verdict import Outcome, Verdict
from fsl.project import Project
from fsl.promotion.promote import (
    judge_challenger,
    promote,
    register_challenger,
    score_challenger,
    score_champion,
)
from fsl.runs.steps import find_step, plan_retrain
from fsl.serving.replay import read_texts, replay_traffic, spread_over_day
from fsl.store import layout
from fsl.store.aliases import CHAMPION, current_move
from fsl.workspace import Workspace, init_workspace, template_names
from tasks.export import export_bundle
from tasks.learning import adapt_student, adapt_teacher

SEEDS = range(3)
DAYS = (datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC))
QUICK = {  # enough to see that every line works; the scores mean nothing
    "FSL_LEARNING__TEACHER__EPOCHS": "0",
    "FSL_LEARNING__STUDENT__EPOCHS": "1",
    "FSL_LEARNING__BUDGET_MINUTES": "0",
    "FSL_LEARNING__ENCODER__STUDENT_LAYERS": "1",
    "FSL_LEARNING__ENCODER__MAX_LENGTH_TOKENS": "32",
    "FSL_DATA__MAX_POOL_TEXTS": "50",
    "FSL_EXPORT__INT8": "false",
}
QUICK_EVERY = 3  # so many rows of which one is taken


def run(*, quick: bool) -> str:
    """Measure every cell and return the section of docs/benchmarks.md."""
    if quick:
        os.environ.update(QUICK)
        return _section([{**_measure("support-intents", 0, every=QUICK_EVERY), "machine": machine()}])
    cells = [
        run_cell("loop", f"{template}-{seed}", lambda template=template, seed=seed: _measure(template, seed))  # type: ignore[misc]
        for template in template_names()
        for seed in SEEDS
    ]
    return _section(cells)


def run_days(workspace: Workspace, *, seed: int) -> Iterator[tuple[str, Facts]]:
    """Run two days of a project, and yield each stage with what it gave: first, drift, second."""
    with workspace.open(split_key=hashlib.sha256(f"split {seed}".encode()).hexdigest()) as project:
        yield "first", _day(project, workspace, 1, ("labelled.jsonl", "unlabelled.jsonl"))
        yield "drift", _traffic(project, workspace)
        yield "second", _day(project, workspace, 2, ("labelled.jsonl",))


def _measure(template: str, seed: int, *, every: int = 1) -> Facts:
    with tempfile.TemporaryDirectory() as scratch:
        workspace = init_workspace(Path(scratch) / template, template)
        for path in (workspace.folder / "data").glob("day-*/*labelled.jsonl"):
            path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[::every]))
        return {"template": template, "seed": seed, **dict(run_days(workspace, seed=seed))}


def _day(project: Project, workspace: Workspace, day: int, names: tuple[str, ...]) -> Facts:
    for name in names:
        project.store.upload(layout.inbox(f"day-{day}-{name}"), workspace.folder / "data" / f"day-{day}" / name)
    started = time.monotonic()
    for key in pending_objects(project.store):
        ingest_object(project.store, project.config, key, now=DAYS[day - 1])
    ingested = time.monotonic()
    facts = _retrain(project)
    return {**facts, "ingest_seconds": ingested - started, "retrain_seconds": time.monotonic() - ingested}


def _retrain(project: Project) -> Facts:
    seen = current_move(project.registry, CHAMPION)
    champion = seen.version if seen else None
    plan = plan_retrain(project, take_snapshot(project.store, project.config).digest)
    seconds = {}
    for step in (adapt_teacher, adapt_student, export_bundle):
        started = time.monotonic()
        step.fn(project.name, plan.key)
        seconds[step.name] = time.monotonic() - started
    sheet = score_challenger(project, plan)
    if champion is not None:
        score_champion(project, plan, champion)
    verdict = judge_challenger(project, plan, champion)
    register_challenger(project, plan, verdict, card="# measured\n")
    if verdict.outcome is Outcome.PROMOTE:
        promote(project, plan, verdict, seen=seen, who="bench", now=datetime.now(UTC))
    student, bundle = find_step(project, plan.key, "student"), find_step(project, plan.key, "bundle")
    assert student is not None
    assert bundle is not None
    return {
        **_scores(verdict),
        "winner": student.facts["winner"],
        "precision": bundle.facts["precision"],
        "bytes": bundle.facts["served_bytes"],
        "fp32_bytes": bundle.facts["fp32_bytes"],
        "changed_by_int8": bundle.facts["trials"][-1] if bundle.facts["trials"] else None,  # type: ignore[index]
        "latency_p95_ms": sheet.latency_p95_ms,
        "seconds": seconds,
    }


def _scores(verdict: Verdict) -> Facts:
    compared = verdict.comparison
    return {
        "outcome": str(verdict.outcome),
        "headline": verdict.headline,
        "challenger": compared.challenger_score if compared else None,
        "champion": compared.champion_score if compared and verdict.champion else None,
        "n_rows": verdict.n_rows,
        "lower_bound": compared.lower_bound if compared else None,
        "new_labels": {new.label: [new.recall, new.n_rows] for new in verdict.new_labels},
    }


def _traffic(project: Project, workspace: Workspace) -> Facts:
    for number, day in enumerate(DAYS, start=1):
        texts = read_texts(
            workspace.folder / "data" / f"day-{number}" / "traffic.jsonl", project.config.data.text_column
        )
        replay_traffic(project, texts, spread_over_day(len(texts), day))
    started = time.monotonic()
    windows = read_windows(project.store, project.config.drift, project.problem)
    decision = examine(windows, project.config.drift, now=DAYS[1])
    return {"action": decision.action, "starts_retrain": decision.starts_retrain, "seconds": time.monotonic() - started}


def _section(cells: list[Facts]) -> str:
    rows = [
        "| template | splits | first version | second, same labels | champion, same rows | second promoted "
        "| new label found | drift acted on | int8 chosen | ingest s | retrain s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    templates = dict.fromkeys(cell["template"] for cell in cells)
    rows += [_row(template, [cell for cell in cells if cell["template"] == template]) for template in templates]
    words = "Three numbers are the median, the lowest and the highest over the random splits."
    head = ["## The loop", "", "`python -m bench loop`", "", f"{words} Machine: {cells[0]['machine']}.", ""]
    return "\n".join([*head, *rows, ""])


def _row(template: str, cells: list[Facts]) -> str:
    n = len(cells)
    days = [cell[day] for cell in cells for day in ("first", "second")]
    recalls = [recall for cell in cells for recall, _ in cell["second"]["new_labels"].values()]
    parts = [
        template,
        str(n),
        _spread(cell["first"]["challenger"] for cell in cells),
        _spread(cell["second"]["challenger"] for cell in cells),
        _spread(cell["second"]["champion"] for cell in cells),
        f"{sum(cell['second']['outcome'] == 'promote' for cell in cells)}/{n}",
        _spread(recalls) if recalls else "none is new",
        f"{sum(cell['drift'].get('starts_retrain', cell['drift']['action'] == 'retrain') for cell in cells)}/{n}",
        f"{sum(day['precision'] == 'int8' for day in days)}/{2 * n}",
        _spread((day["ingest_seconds"] for day in days), digits=1),
        _spread((day["retrain_seconds"] for day in days), digits=0),
    ]
    return f"| {' | '.join(parts)} |"


def _spread(values: "Iterator[float] | list[float]", *, digits: int = 3) -> str:
    """Return the median with the lowest and the highest value: too few cells for an interval."""
    found = sorted(values)
    return f"{statistics.median(found):.{digits}f} ({found[0]:.{digits}f} to {found[-1]:.{digits}f})"
