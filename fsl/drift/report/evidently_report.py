"""The door to Evidently: pictures of a window's numbers. Nothing else imports it, and it is imported when used.

Only numbers computed from the texts go in (lengths, shares, confidences) and the predicted labels, never a text.
Which tests decide is `detectors`'; their results are shown here as metrics of our own.
"""

import os
from functools import cache
from typing import Any

import numpy as np

from fsl.drift.decision.decision import Decision
from fsl.drift.report.banner import build_banner
from fsl.drift.report.pages import DriftPages, seal_page
from fsl.drift.windows.window import Window

_N_SCRIPTS = 4  # data, a polyfill, the library, the call that draws
_MAX_LABELS = 30  # of the bar chart; rarer ones are drawn together
_MAX_LABEL_CHARS = 60
_REST = "(other)"
_NUMBERS = ("characters", "words", "share of non-letters", "confidence", "margin")
_TITLES = {
    "together": "All tests together: p-value",
    "texts": "All texts: p-value of MMD",
    "telling_apart": "Telling old from new: p-value",
    "within_answers": "Texts less the mean of their answer: p-value",
    "clusters": "Clusters of texts: p-value",
    "answers": "Mix of answers: p-value of chi squared",
    "surge": "Surge of one label: p-value",
    "confidence": "Confidence: p-value of Wilcoxon",
    "margin": "Margin: p-value of Wilcoxon",
    "sureness": "Confidence less what the text foretells: p-value of Wilcoxon",
    "out_of_scope": "Out of scope: p-value",
    "length": "Length: p-value of Wilcoxon",
    "script": "Script: p-value",
    "vocabulary": "Vocabulary: p-value",
    "texts_given_answers": "Texts of the same answer: p-value of MMD",
    "telling_apart_given_answers": "Telling old from new texts of the same answer: p-value",
    "out_of_scope_given_answers": "Out of scope, of the same answer: p-value",
    "unsure_texts": "The least sure texts: p-value",
}
# These would end the script that a label stands in, or become markup in a chart's text.
_DEFUSED = str.maketrans({"<": "‹", ">": "›", "&": "＆", "\u2028": " ", "\u2029": " "})


def build_pages(reference: Window, current: Window, decision: Decision) -> DriftPages:
    """Return Evidently's report on the two windows, as a page that needs nothing but itself, and as JSON.

    Raises:
        UnsafeReport: the page holds something that it should not.
    """
    # Evidently posts usage to a fixed address unless this is set before it is imported; any value counts.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from evidently import DataDefinition, Dataset, Report

    labels = _common_labels(reference, current)
    tables = [_describe(window, labels) for window in (reference, current)]
    # A damaged model's NaN must not cost the other pictures.
    numbers = [name for name in _NUMBERS if all(table[name].notna().any() for table in tables)]
    columns = DataDefinition(numerical_columns=numbers, categorical_columns=["answer"])
    before, now = (Dataset.from_pandas(table[[*numbers, "answer"]], data_definition=columns) for table in tables)
    run = Report(_metrics(decision, numbers), include_tests=True).run(
        now, before, timestamp=decision.when, name=f"drift {decision.window}"
    )
    html = seal_page(run.get_html_str(as_iframe=False), n_scripts=_N_SCRIPTS, banner=build_banner(decision))
    return DriftPages(html.encode("utf-8", "replace"), run.json().encode("utf-8", "replace"))


def _metrics(decision: Decision, numbers: list[str]) -> list[Any]:
    """Return Evidently's metrics with named methods and thresholds: its own defaults depend on the sample's size."""
    from evidently.metrics import ValueDrift
    from evidently.tests import gte, lt

    finding_metric = _finding_metric()
    bound = decision.alpha / max(1, len(numbers))
    of_columns = [ValueDrift(column=name, method="ks", threshold=bound) for name in numbers]
    of_answers = ValueDrift(column="answer", method="jensenshannon", threshold=0.1)
    ours = [
        finding_metric(title=_TITLES[finding.name], value=finding.p_value, tests=[gte(finding.bound)])
        for finding in decision.findings
    ]
    aurocs = [finding.effect for finding in decision.findings if finding.name == "telling_apart"]
    effects = [
        finding_metric(title="Telling old from new: AUROC", value=auroc, tests=[lt(decision.min_effect)])
        for auroc in aurocs
    ]
    return [*effects, *ours, *of_columns, of_answers]


@cache
def _finding_metric() -> Any:
    """Return Evidently's metric for one of our numbers; its classes exist only once Evidently is imported."""
    from evidently.core.metric_types import SingleValueCalculation, SingleValueMetric

    class FindingMetric(SingleValueMetric):  # type: ignore[misc]
        title: str
        value: float

    class FindingCalculation(SingleValueCalculation[FindingMetric]):  # type: ignore[misc]
        def calculate(self, *_: Any) -> Any:
            return self.result(self.metric.value)

        def display_name(self) -> str:
            return str(self.metric.title)

    return FindingMetric


def _describe(window: Window, labels: dict[str, str]) -> Any:
    """Return one row of numbers for each text, as a pandas table."""
    import pandas as pd

    return pd.DataFrame(
        {
            "characters": [float(len(text)) for text in window.texts],
            "words": [float(len(text.split())) for text in window.texts],
            "share of non-letters": [_non_letters(text) for text in window.texts],
            "confidence": np.where(np.isfinite(window.confidence), window.confidence, np.nan),
            "margin": np.where(np.isfinite(window.margin), window.margin, np.nan),
            "answer": [labels.get(_answer(row), _REST) for row in window.labels],
        }
    )


def _non_letters(text: str) -> float:
    return sum(not (char.isalpha() or char.isspace()) for char in text) / max(1, len(text))


def _answer(labels: tuple[str, ...]) -> str:
    return " + ".join(labels) or "(nothing)"


def _common_labels(reference: Window, current: Window) -> dict[str, str]:
    """Return the common answers' names as they may be shown."""
    counts: dict[str, int] = {}
    for row in (*reference.labels, *current.labels):
        counts[_answer(row)] = counts.get(_answer(row), 0) + 1
    common = sorted(counts, key=lambda name: (-counts[name], name))[:_MAX_LABELS]
    return {name: "".join(c for c in name.translate(_DEFUSED) if c.isprintable())[:_MAX_LABEL_CHARS] for name in common}
