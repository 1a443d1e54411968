"""The README.md that travels in a version's bundle: a model card as the Hugging Face hub reads it.

Source of the form: Mitchell et al. 2019, arXiv:1810.03993, and the hub's metadata for `model-index`.
"""

from typing import Any

from fsl.evaluation.report.in_markdown import beyond_tables, label_table, score_table
from fsl.evaluation.report.markdown import bullets, plain
from fsl.evaluation.report.record import RunReport
from fsl.pages.words import megabytes, n_of, percent, sentence
from fsl.problems import find_problem


def render_model_card(report: RunReport, *, base_model: str) -> str:
    """Return the card's text; `base_model` names the pretrained encoder that the student came from."""
    import yaml

    header = yaml.safe_dump(_metadata(report, base_model), sort_keys=False, allow_unicode=True)
    return f"---\n{header}---\n\n{_body(report, base_model)}\n"


def _metadata(report: RunReport, base_model: str) -> dict[str, Any]:
    facts = report.facts
    pipeline = find_problem(facts.kind).hub_task
    scores = report.challenger
    values = {"accuracy": scores.accuracy, "f1": scores.f1, "macro_f1": scores.macro_f1} if scores else {}
    result = {
        "task": {"type": pipeline},
        "dataset": {"name": f"{facts.project} judge rows", "type": facts.project, "revision": facts.data.snapshot},
        "metrics": [{"type": name, "value": round(one.value, 4)} for name, one in values.items()],
    }
    return {
        "library_name": "onnx",
        "pipeline_tag": pipeline,
        "base_model": base_model,
        "tags": ["fsl", "few-shot", "distillation", facts.project],
        "model-index": [{"name": report.verdict.challenger, "results": [result]}],
    }


def _body(report: RunReport, base_model: str) -> str:
    facts, verdict, scores = report.facts, report.verdict, report.challenger
    data = facts.data
    n_train = n_of(sum(label.n_train for label in data.labels), "labelled row")
    n_judge = n_of(scores.n_rows if scores else 0, "row")
    labels = plain(", ".join(rows.label for rows in data.labels))
    limits = [
        *verdict.notes,
        "scores hold for texts like the judge rows; drift of the traffic is watched, not foreseen",
        "a text of another kind gets one of the known labels too: look at the confidence before acting on it",
    ]
    return "\n\n".join(
        [
            f"# {plain(verdict.challenger)}",
            f"A small model for the project {plain(facts.project)} ({plain(facts.kind)}), learnt from "
            f"{plain(base_model)} on {facts.when:%Y-%m-%d}. Labels: {labels}.",
            f"## Verdict: {verdict.outcome.value}",
            bullets(plain(sentence(reason)) for reason in verdict.reasons),
            "## Scores",
            f"Of the exported bundle, on {n_judge} that nothing was trained or chosen on.",
            score_table([("this version", scores)], kind=facts.kind),
            *beyond_tables([("this version", scores)]),
            "## Labels",
            label_table(scores.labels if scores else ()),
            "## Training data",
            f"{n_train} and {n_of(data.n_pool, 'unlabelled text')} of snapshot {plain(data.snapshot)}.",
            "## Bundle",
            _footprint(report),
            "## Limits",
            bullets(plain(sentence(limit)) for limit in limits),
        ]
    )


def _footprint(report: RunReport) -> str:
    footprint = report.facts.footprint
    words = f"ONNX, served as {footprint.served}. fp32 weighs {megabytes(footprint.fp32_bytes)}"
    if footprint.int8_bytes is None or footprint.disagreement is None:
        return f"{words}."
    changes = percent(footprint.disagreement)
    return f"{words}, {footprint.served} {megabytes(footprint.int8_bytes)}; it changes {changes} of the answers."
