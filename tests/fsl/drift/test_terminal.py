"""What the terminal says of windows, and the rows that a person is asked to label."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from fsl.commands.drift import app, find_window
from fsl.config import DriftConfig, RunConfig
from fsl.drift.decision.decision import Asked, Decision
from fsl.drift.decision.examine import examine
from fsl.drift.decision.history import save_decision
from fsl.drift.errors import NoSuchWindow, NothingAsked
from fsl.drift.report.lines import sparkline, tell_window
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window
from fsl.project import Project
from fsl.store.objects import ObjectStore

BuildWindow = Callable[..., Window]
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
CONFIG = DriftConfig(alpha=0.1, budget_windows=10, n_permutations=499)


@pytest.fixture(scope="module")
def decisions(window: BuildWindow) -> tuple[Decision, ...]:
    reference = window(1, {"a": 60, "b": 60})
    days = [window(2 + day, {"a": 60, "b": 60}, shift=day, start=NOW + timedelta(days=day)) for day in range(2)]
    return tuple(examine(Windows(reference, day, ()), CONFIG, now=NOW) for day in days)


def test_bars_grow_with_their_values_and_what_is_unknown_is_a_dot() -> None:
    assert sparkline([0.0, 1.0, None, 2.0, float("nan"), 4.0]) == "▁▃·▅·█"
    assert sparkline([]) == ""


def test_a_window_is_told_in_ten_lines(decisions: tuple[Decision, ...]) -> None:
    said = tell_window(decisions[1], decisions)

    assert len(said) <= 10
    assert said[0].startswith(f"{decisions[1].window}: adapter (a retrain is started")
    assert said[2].endswith("█ 2 windows")
    assert any(line.startswith("! ") and "AUROC" in line for line in said)
    assert any("message" in line for line in said)  # a telling text
    assert any("would settle it" in line for line in said)
    assert "window 1 of 10" in said[-1]


def test_a_quiet_window_says_that_nothing_changed(decisions: tuple[Decision, ...]) -> None:
    assert any("nothing changed beyond chance" in line for line in tell_window(decisions[0]))


def test_a_window_is_found_by_how_its_name_begins(decisions: tuple[Decision, ...]) -> None:
    assert find_window(decisions, decisions[0].window[:12]) == decisions[0]
    assert find_window(decisions, "") == decisions[1]
    with pytest.raises(NoSuchWindow, match="2 windows begin with '2026'"):
        find_window(decisions, "2026")
    with pytest.raises(NoSuchWindow, match="no window was checked yet"):
        find_window((), "")


def test_history_explain_and_ask_tell_what_is_stored(
    store: ObjectStore,
    decisions: tuple[Decision, ...],
    window: BuildWindow,
    log: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = Project("shop", store, RunConfig(project="shop"), tmp_path)
    monkeypatch.setattr(
        "fsl.commands.drift.find_workspace", lambda _: SimpleNamespace(open=lambda: nullcontext(project))
    )
    monkeypatch.chdir(tmp_path)
    served = window(2, {"a": 60, "b": 60}, start=NOW)
    asked = replace(decisions[1], ask=(Asked(served.ids[3], 0.1), Asked(served.ids[5], None), Asked("gone", None)))
    log(store, served)
    for one in (decisions[0], asked):
        save_decision(store, one)

    shown = CliRunner().invoke(app, ["history"])
    told = CliRunner().invoke(app, ["explain", "--full"])
    facts = json.loads(CliRunner().invoke(app, ["explain", decisions[0].window, "--json"]).stdout)
    written = CliRunner().invoke(app, ["ask", "--to", "rows.jsonl"])
    refused = CliRunner().invoke(app, ["ask", "--to", "other.jsonl", decisions[0].window])

    assert shown.exit_code == told.exit_code == written.exit_code == 0
    assert "drift" in shown.stdout
    assert "vocabulary" in told.stdout
    assert facts["action"] == "none"
    rows = [json.loads(line) for line in Path("rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == [
        {"text": served.texts[3], "label": None, "audit": 0.1},
        {"text": served.texts[5], "label": None},
    ]
    assert "1 are gone from the log" in written.stdout
    refused = CliRunner().invoke(app, ["ask", "--to", "other.jsonl", decisions[0].window])
    assert isinstance(refused.exception, NothingAsked)
