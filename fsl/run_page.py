"""The page of one retrain: gathered from what its steps left, published beside them.

What the page looks like is `fsl.evaluation.report_page`; here is where its facts come from.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from fsl.data.snapshots import SnapshotRef, load_labels, load_samples
from fsl.evaluation.model_card import render_model_card
from fsl.evaluation.report import Candidate, DataFacts, Footprint, LabelRows, RunFacts, RunReport, build_report
from fsl.evaluation.report_markdown import render_markdown
from fsl.evaluation.report_page import render_page
from fsl.evaluation.verdict import Verdict
from fsl.project import Project
from fsl.promotion import load_sheet
from fsl.runs import RetrainPlan, fetch_step, find_step
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
    return build_report(
        _facts(project, plan, trigger, now),
        champion,
        load_sheet(project, plan, plan.version),
        {sample.row_id: sample.text for sample in judge},
        verdict,
        project.problem,
        plan.config.gate,
    )


def publish_run_page(project: Project, plan: RetrainPlan, report: RunReport) -> RunPage:
    """Store the page and return the forms that go elsewhere."""
    key = layout.run_page(plan.key)
    project.store.put(key, render_page(report).encode("utf-8"))
    card = render_model_card(report, base_model=plan.config.learning.encoder.student)
    return RunPage(key, render_markdown(report), card)


def _facts(project: Project, plan: RetrainPlan, trigger: str, now: datetime) -> RunFacts:
    teacher = find_step(project, plan.key, "teacher")
    assert teacher is not None
    labels = tuple(
        LabelRows(count.label, count.train, count.tune, count.judge)
        for count in load_labels(project.store, SnapshotRef(plan.snapshot))
    )
    return RunFacts(
        project=project.name,
        kind=plan.config.problem.kind,
        when=now,
        trigger=trigger,
        data=DataFacts(plan.snapshot, labels, int(str(teacher.facts["n_pool"]))),
        candidates=_candidates(project, plan),
        footprint=_footprint(project, plan),
    )


def _candidates(project: Project, plan: RetrainPlan) -> tuple[Candidate, ...]:
    facts = json.loads((fetch_step(project, plan.key, "student") / "student.json").read_text(encoding="utf-8"))
    choice = facts["choice"]
    return tuple(
        Candidate(
            name=candidate["name"],
            tune_score=_mean(candidate["log_likelihoods"]),
            cost_seconds=candidate["cost_seconds"],
            won=candidate["name"] == choice["winner"],
            note=choice["reason"] if candidate["name"] == choice["winner"] else "",
        )
        for candidate in facts["candidates"]
    )


def _footprint(project: Project, plan: RetrainPlan) -> Footprint:
    bundle = find_step(project, plan.key, "bundle")
    assert bundle is not None
    facts = json.loads(json.dumps(bundle.facts))
    is_int8 = facts["precision"] == "int8"
    trial = facts["trials"][-1] if facts["trials"] else None
    return Footprint(
        fp32_bytes=facts["fp32_bytes"],
        int8_bytes=facts["served_bytes"] if is_int8 else None,
        disagreement=trial["n_changed"] / trial["n_texts"] if trial else None,
        disagreement_bound=trial["upper_bound"] if trial else None,
        served="int8" if is_int8 else "fp32",
    )


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
