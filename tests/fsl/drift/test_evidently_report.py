"""Evidently's report, made for real once, and the seal that keeps it harmless."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from fsl.config import DriftConfig
from fsl.drift.decision.examine import examine
from fsl.drift.errors import UnsafeReport
from fsl.drift.report.evidently_report import build_pages
from fsl.drift.report.pages import DriftPages, seal_page
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window

HOSTILE = "</script><script>alert(1)</script><img src=http://evil.test/x.png>"
SECRET = "my card number is 4000-1234"
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def pages(window: Callable[..., Window]) -> DriftPages:
    mix = {"a": 30, "b": 30, HOSTILE: 30}
    reference, current = window(1, mix), window(2, mix, shift=1.0)
    current = replace(current, texts=(SECRET,) * current.n_rows, margin=np.full(current.n_rows, np.nan))
    decision = examine(
        Windows(reference, current, ()), DriftConfig(alpha=0.1, budget_windows=10, n_permutations=499), now=NOW
    )
    return build_pages(reference, current, decision)


def test_the_report_holds_our_findings_beside_evidentlys(pages: DriftPages) -> None:
    report = json.loads(pages.json)
    metrics = " ".join(metric["metric_name"] for metric in report["metrics"])
    failed = [test["name"] for test in report["tests"] if test["status"] == "FAIL"]

    assert "Telling old from new: AUROC" in metrics
    assert "ValueDrift(column=characters,method=ks" in metrics
    assert "margin" not in metrics  # all NaN: left out, and the rest stands
    assert any("Texts of the same answer" in name for name in failed)
    assert not any("Mix of answers" in name for name in failed)


def test_the_page_opens_with_the_decision_in_words(pages: DriftPages) -> None:
    body = pages.html.decode().partition("<body>")[2][:3000]

    assert "<h1>Adapt to the new texts</h1>" in body
    assert "The texts behind the answers changed" in body
    assert "share one chance of a false alarm. Window 1 of 10: 1.00% of the 10%" in body


def test_no_text_gets_into_the_report(pages: DriftPages) -> None:
    assert SECRET.encode() not in pages.html
    assert SECRET.encode() not in pages.json


def test_a_hostile_label_stays_text(pages: DriftPages) -> None:
    assert b"</script><script>alert(1)" not in pages.html
    assert "‹script›alert(1)".encode() in pages.html or b"\\u2039script\\u203aalert(1)" in pages.html


def test_the_page_may_reach_nothing_outside(pages: DriftPages) -> None:
    head = pages.html[:2000].decode()

    assert "connect-src 'none'" in head
    assert "default-src 'none'" in head


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("<html><head></head><body><img src='x.png'></body></html>", "the elements img"),
        ("<html><head><script>1</script><script>2</script></head></html>", "2 scripts instead of 1"),
        ("<html><head><script src='http://evil.test/x.js'></script></head></html>", "something to load"),
        ("<html><head></head><body onload='x()'><script></script></body></html>", "something to load"),
        ("<html><body><script></script></body></html>", "no head"),
    ],
)
def test_a_page_that_holds_more_than_it_should_is_refused(page: str, fault: str) -> None:
    with pytest.raises(UnsafeReport, match=fault):
        seal_page(page, n_scripts=1)
