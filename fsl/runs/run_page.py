"""The page of one retrain: gathered from what its steps left, published beside them.

What the page looks like is `fsl.evaluation.report.page`; here is where its facts come from.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from fsl.data.snapshots import SnapshotRef, load_labels, load_samples
from fsl.drift.decision.history import read_history
from fsl.evaluation.errors import DamagedRecord
from fsl.evaluation.report.in_markdown import render_markdown
from fsl.evaluation.report.model_card import render_model_card
from fsl.evaluation.report.page import render_page
from fsl.evaluation.report.record import (
    Candidate,
    DataFacts,
    DriftFacts,
    Explain,
    Footprint,
    LabelRows,
    RunFacts,
    RunReport,
    build_report,
)
from fsl.evaluation.ruling.asking import why_ask
from fsl.evaluation.ruling.verdict import Verdict
from fsl.explaining.errors import NothingToExplain
from fsl.explaining.explainer import Explainer, load_explainer
from fsl.explaining.record import Explanation
from fsl.project import Project
from fsl.promotion.promote import load_sheet
from fsl.runs.bundles import fetch_bundle
from fsl.runs.steps import RetrainPlan, fetch_step, find_step
from fsl.samples import Split
from fsl.store import layout


@dataclass(frozen=True)
class RunPage:
    """The same report three times, for the people and places that show it."""

    key: str  # where the HTML lies in the store
    markdown: str
    card: str


def describe_run(project: Project, plan: RetrainPlan, verdict: Verdict, *, trigger: str, now: datetime) -> RunReport:
    """Gather a retrain's report."""
    champion = load_sheet(project, plan, verdict.champion) if verdict.champion else None
    judge = load_samples(project.store, SnapshotRef(plan.snapshot), {Split.JUDGE})
    report = build_report(
        _facts(project, plan, verdict, trigger, now),
        champion,
        load_sheet(project, plan, plan.version),
        {sample.row_id: sample.text for sample in judge},
        verdict,
        project.problem,
        plan.config.gate,
        _explain(project, plan),
    )
    return replace(report, asks=why_ask(verdict.outcome, plan.config.gate, project.config.gate))


def publish_run_page(project: Project, plan: RetrainPlan, report: RunReport) -> RunPage:
    """Store the page and return the forms that go elsewhere."""
    key = layout.run_page(plan.key)
    record = json.dumps(report.to_json(), ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
    project.store.put(layout.run_record(plan.key), record.encode("utf-8", "replace"))
    project.store.put(key, render_page(report).encode("utf-8", "replace"))
    card = render_model_card(report, base_model=plan.config.learning.encoder.student)
    return RunPage(key, render_markdown(report), card)


def load_report(project: Project, key: str) -> RunReport | None:
    """Return the record behind a retrain's page, or None where there is none. Raises DamagedRecord."""
    data = project.store.find(layout.run_record(key))
    if data is None:
        return None
    try:
        return RunReport.from_json(json.loads(data))
    except ValueError as error:
        raise DamagedRecord(project.store.where(layout.run_record(key)), ("it is not JSON",)) from error


def _explain(project: Project, plan: RetrainPlan) -> Explain:
    """Return what explains a challenger's answers; its bundle is loaded when the first text asks for it."""

    @cache
    def explainer() -> Explainer | None:
        if project.problem.unit != "text":
            return None  # spans name their own words
        return load_explainer(project, fetch_bundle(project, plan), plan.snapshot)

    def explain(text: str) -> Explanation | None:
        found = explainer()
        try:
            return found.explain(text) if found else None
        except NothingToExplain:
            return None

    return explain


def _drift(project: Project, champion: str | None) -> DriftFacts | None:
    """Return the last decision on a version's traffic."""
    decisions = [one for one in read_history(project.store) if one.facts.version == champion]
    if not decisions:
        return None
    last = max(decisions, key=lambda one: one.when)
    return DriftFacts(last.window, last.action, last.reasons, last.when)


def _facts(project: Project, plan: RetrainPlan, verdict: Verdict, trigger: str, now: datetime) -> RunFacts:
    teacher = find_step(project, plan.key, "teacher")  # a head-only retrain has none, and learns from no pool
    labels = tuple(
        LabelRows(count.label, count.train, count.tune, count.judge)
        for count in load_labels(project.store, SnapshotRef(plan.snapshot))
    )
    return RunFacts(
        project=project.name,
        kind=plan.config.problem.kind,
        when=now,
        trigger=trigger,
        data=DataFacts(plan.snapshot, labels, int(str(teacher.facts["n_pool"])) if teacher else 0),
        candidates=_candidates(project, plan),
        footprint=_footprint(project, plan),
        drift=_drift(project, verdict.champion) if verdict.champion else None,
    )


def _candidates(project: Project, plan: RetrainPlan) -> tuple[Candidate, ...]:
    if plan.head_of is not None:
        bundle = find_step(project, plan.key, "bundle")
        seconds = float(str(bundle.facts["fit_seconds"])) if bundle else 0.0
        return (Candidate(f"a new head on the encoder of {plan.head_of}", None, seconds, won=True),)
    facts = json.loads((fetch_step(project, plan.key, "student") / "student.json").read_text(encoding="utf-8"))
    choice = facts["choice"]
    return tuple(
        Candidate(
            name=candidate["name"],
            tune_score=_mean(candidate["log_likelihoods"]),
            cost_seconds=candidate["cost_seconds"],
            won=candidate["name"] == choice["winner"],
            note=choice["reason"] if candidate["name"] == choice["winner"] else candidate.get("note", ""),
        )
        for candidate in facts["candidates"]
    )


def _footprint(project: Project, plan: RetrainPlan) -> Footprint:
    bundle = find_step(project, plan.key, "bundle")
    assert bundle is not None
    facts = json.loads(json.dumps(bundle.facts))
    is_smaller = facts["precision"] != "float32"
    trial = facts["trials"][-1] if facts["trials"] else None
    return Footprint(
        fp32_bytes=facts["fp32_bytes"],
        int8_bytes=facts["served_bytes"] if is_smaller else None,
        disagreement=trial["n_changed"] / trial["n_texts"] if trial else None,
        disagreement_bound=trial["upper_bound"] if trial else None,
        served=facts["precision"] if is_smaller else "fp32",
    )


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
