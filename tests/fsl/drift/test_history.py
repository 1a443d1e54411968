"""Decisions in the store: one for each window, and a page beside it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fsl.config import DriftConfig
from fsl.drift.decision.decision import Decision
from fsl.drift.decision.examine import examine
from fsl.drift.decision.history import find_decision, read_history, save_decision
from fsl.drift.report.pages import DriftPages
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window
from fsl.store import layout
from fsl.store.objects import ObjectStore

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def decision(window: Callable[..., Window]) -> Decision:
    windows = Windows(window(1, {"a": 20, "b": 20}), window(2, {"a": 20, "b": 20}), ())
    return examine(windows, DriftConfig(alpha=0.1, budget_windows=10, n_permutations=499), now=NOW)


def test_a_decision_is_stored_with_its_page_and_read_back(store: ObjectStore, decision: Decision) -> None:
    save_decision(store, decision, DriftPages(b"<html>", b"{}"))

    assert find_decision(store, decision.window) == decision
    assert store.get(layout.drift(decision.window, "report.html")) == b"<html>"


def test_the_first_decision_on_a_window_holds(store: ObjectStore, decision: Decision) -> None:
    save_decision(store, decision, DriftPages(b"first", b"{}"))

    later = save_decision(store, replace(decision, when=NOW + timedelta(hours=1)), DriftPages(b"second", b"{}"))

    assert later == decision
    assert store.get(layout.drift(decision.window, "report.html")) == b"first"


def test_the_history_stands_in_order_of_windows(store: ObjectStore, decision: Decision) -> None:
    facts = decision.facts
    windows = ["20261103T000000Z-b", "20261101T000000Z-a", "20261105T000000Z-c"]
    for name in windows:
        save_decision(store, replace(decision, facts=replace(facts, window=name)))

    assert [one.window for one in read_history(store)] == sorted(windows)


def test_a_damaged_decision_is_left_out_of_the_history_and_logged(
    store: ObjectStore, decision: Decision, caplog: pytest.LogCaptureFixture
) -> None:
    save_decision(store, decision)
    store.put(layout.drift("20200101T000000Z-x", "decision.json"), b"{")

    assert read_history(store) == (decision,)
    assert "20200101T000000Z-x" in caplog.text


def test_no_decision_is_none(store: ObjectStore) -> None:
    assert find_decision(store, "20260101T000000Z-x") is None
    assert read_history(store) == ()
