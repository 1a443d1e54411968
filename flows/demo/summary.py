"""What happened in a demo, read back from the store alone, and told in one screen."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue
from rich.console import RenderableType

from fsl.console import line, table
from fsl.data.history import read_history
from fsl.data.quarantine import group_by_reason, load_refused
from fsl.drift.decision.history import read_history as read_drift
from fsl.evaluation.ruling.verdict import NewLabel, Verdict
from fsl.evaluation.scores.metrics import Estimate, score_sheet
from fsl.project import Project
from fsl.promotion.promote import load_sheet
from fsl.runs.steps import load_plan
from fsl.serving.replay import read_texts
from fsl.store import layout
from fsl.store.aliases import CHAMPION, read_moves
from fsl.store.registry import list_versions, load_manifest
from fsl.workspace import Workspace


@dataclass(frozen=True)
class VersionSummary:
    """One version: how it was judged and what it weighs."""

    version: str
    outcome: str
    reasons: tuple[str, ...]
    champion: str | None  # what it was compared with
    score: str  # its headline score on its judge rows, with the interval
    champion_score: str  # of what it was compared with, on the same rows
    new_labels: tuple[str, ...]  # recall of labels that only it knows
    precision: str
    megabytes: float
    fp32_megabytes: float
    latency_p50_ms: float
    latency_p95_ms: float
    page: str  # local path


@dataclass(frozen=True)
class Summary:
    """The whole demo."""

    n_read: int
    n_accepted: int
    n_pool: int
    n_duplicates: int
    refused: dict[str, int]  # rows by reason
    headline: str
    versions: tuple[VersionSummary, ...]
    drift: tuple[str, ...]
    moves: tuple[str, ...]
    pages: tuple[str, ...]
    example: str  # a text to ask the champion about


def summarise(project: Project, workspace: Workspace) -> Summary:
    """Read back what happened, and fetch the pages so that they can be opened."""
    history = read_history(project.store)
    refused = group_by_reason(row for row in load_refused(project.store, history) if not row.is_duplicate)
    manifests = sorted(
        (load_manifest(project.registry, version) for version in list_versions(project.registry)),
        key=lambda one: one.created,
    )
    decisions = read_drift(project.store)
    pages = [_fetch(project, workspace, record.report) for record in history if record.n_refused]
    pages += [_fetch(project, workspace, layout.drift(decision.window, "report.html")) for decision in decisions]
    return Summary(
        n_read=sum(record.n_read for record in history),
        n_accepted=sum(record.rows.n for record in history),
        n_pool=sum(record.pool.n for record in history),
        n_duplicates=sum(record.n_duplicates for record in history),
        refused={group.code: group.n for group in refused},
        headline=project.problem.headline,
        versions=tuple(_version(project, workspace, manifest.version, manifest.facts) for manifest in manifests),
        drift=tuple(f"{decision.action}: {'; '.join(decision.reasons)}" for decision in decisions),
        moves=tuple(f"{move.seq}. {move.version} by {move.who}" for move in read_moves(project.registry, CHAMPION)),
        pages=tuple(pages),
        example=_example(project, workspace),
    )


def show_summary(summary: Summary) -> Sequence[RenderableType]:
    """Return one screen."""
    refused = table(["refused because", "#rows"], summary.refused.items())
    versions = table(
        ["version", "verdict", f"{summary.headline} on judge rows", "champion, same rows", "#MB (fp32)", "#p50/p95 ms"],
        [
            (
                one.version,
                one.outcome,
                one.score,
                one.champion_score,
                f"{one.megabytes:.1f} {one.precision} ({one.fp32_megabytes:.1f})",
                f"{one.latency_p50_ms:.1f}/{one.latency_p95_ms:.1f}",
            )
            for one in summary.versions
        ],
    )
    accepted = (
        f"{summary.n_read} rows read: {summary.n_accepted} accepted, {summary.n_pool} to the pool, "
        f"{sum(summary.refused.values())} refused, {summary.n_duplicates} duplicates merged"
    )
    return ["", line(accepted), refused, "", versions, *_reasons(summary), "", *_places(summary)]


def _example(project: Project, workspace: Workspace) -> str:
    """Return the shortest text of the second day that is a sentence."""
    texts = read_texts(workspace.folder / "data" / "day-2" / "traffic.jsonl", project.config.data.text_column)
    return min((text for text in texts if len(text.split()) >= 6), key=len)


def _reasons(summary: Summary) -> list[str]:
    lines = []
    for one in summary.versions:
        lines += [line(f"{one.version}: {reason}") for reason in one.reasons]
        lines += [line(f"{one.version}: new label {label}") for label in one.new_labels]
    lines += [line(f"drift: {decision}") for decision in summary.drift]
    return [*lines, line(f"champion: {', then '.join(summary.moves)}")]


def _places(summary: Summary) -> list[str]:
    pages = [*(one.page for one in summary.versions), *summary.pages]
    return [line("pages to open in a browser:"), *(line(f"  {page}") for page in pages)]


def _version(project: Project, workspace: Workspace, version: str, facts: dict[str, JsonValue]) -> VersionSummary:
    plan = load_plan(project, str(facts["retrain_key"]))
    verdict = Verdict.from_json(facts["verdict"])
    scores = score_sheet(load_sheet(project, plan, version), project.problem)
    before = score_sheet(load_sheet(project, plan, verdict.champion), project.problem) if verdict.champion else None
    export = json.loads(json.dumps(facts["export"]))
    headline = project.problem.headline
    return VersionSummary(
        version=version,
        outcome=str(verdict.outcome),
        reasons=verdict.reasons,
        champion=verdict.champion,
        score=_estimate(getattr(scores, headline)),
        champion_score=_estimate(getattr(before, headline)) if before else "none yet",
        new_labels=tuple(_recall(new) for new in verdict.new_labels),
        precision=export["precision"],
        megabytes=export["served_bytes"] / 1e6,
        fp32_megabytes=export["fp32_bytes"] / 1e6,
        latency_p50_ms=scores.latency_p50_ms,
        latency_p95_ms=scores.latency_p95_ms,
        page=_fetch(project, workspace, layout.run_page(plan.key)),
    )


def _recall(new: NewLabel) -> str:
    low, high = new.interval.low, new.interval.high
    return f"{new.label}: recall {new.recall:.0%} [{low:.0%}, {high:.0%}] on {new.n_rows} rows never trained on"


def _estimate(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.interval.low:.3f}, {estimate.interval.high:.3f}]"


def _fetch(project: Project, workspace: Workspace, key: str) -> str:
    path = Path(workspace.state) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    project.store.download(key, path)
    return str(path)
