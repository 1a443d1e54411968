"""The page of a retrain, gathered from what its steps left."""

from datetime import UTC, datetime
from typing import Any

import pytest

from fsl.evaluation.errors import DamagedRecord
from fsl.evaluation.report.page import render_page
from fsl.runs.run_page import describe_run, load_report
from fsl.store import layout

pytestmark = pytest.mark.usefixtures("one_thread")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_flipped_texts_are_explained_and_the_record_stands_beside_the_page(trial: Any) -> None:
    first = trial.drop(80, "please")
    trial.finish(first, mixed_up=0.45)
    trial.judge(first)
    second = trial.drop(20, "back")
    trial.finish(second)

    verdict = trial.judge(second, champion=first.version)

    report = load_report(trial.project, second.key)
    assert report == describe_run(trial.project, second, verdict, trigger="a test", now=NOW)
    assert report.became_right
    explanation = report.became_right[0].explanation
    assert explanation is not None
    assert explanation.answer == report.became_right[0].challenger
    assert explanation.n_searched == explanation.n_train > 50
    assert report.forgetting is not None
    page = render_page(report)
    assert trial.project.store.get(layout.run_page(second.key)).decode() == page
    for words in ("Data and drift", "no window of", "How it learnt", "Why the challenger answered so", "cosine"):
        assert words in page
    strict = describe_run(
        trial.under(on_undecided="ask", approval="required").project, second, verdict, trigger="t", now=NOW
    )
    assert strict.asks
    assert f"fsl models approve {second.version} --reason" in render_page(strict)
    assert report.asks is None
    assert "Somebody must decide" not in page


def test_a_retrain_without_a_record_has_none_and_a_damaged_one_says_so(trial: Any) -> None:
    assert load_report(trial.project, "0" * 32) is None
    trial.project.store.put(layout.run_record("0" * 32), b"{")

    with pytest.raises(DamagedRecord, match="it is not JSON"):
        load_report(trial.project, "0" * 32)
