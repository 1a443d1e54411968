"""The workspace behind the dashboard: every window once, numbers only."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fsl.config import DriftConfig
from fsl.drift.decision.decision import Decision
from fsl.drift.decision.examine import examine
from fsl.drift.report.dashboard import Dashboard, numbers_of
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SECRET = "my card number is 4000-1234"
CONFIG = DriftConfig(alpha=0.1, budget_windows=10, n_permutations=499)


@pytest.fixture(scope="module")
def decisions(window: Callable[..., Window]) -> tuple[Decision, ...]:
    reference = window(1, {"a": 60, "b": 60})
    days = [window(2 + day, {"a": 60, "b": 60}, shift=day, start=NOW + timedelta(days=day)) for day in range(2)]
    days = [replace(day, texts=(SECRET,) * day.n_rows) for day in days]
    return tuple(examine(Windows(reference, day, ()), CONFIG, now=NOW) for day in days)


def test_every_window_is_fed_once_and_no_text_gets_in(decisions: tuple[Decision, ...], tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path, "shop")

    assert dashboard.feed(decisions[:1]) == 1
    assert Dashboard(tmp_path, "shop").feed(decisions) == 1  # begun again: only the new window
    assert dashboard.feed(decisions) == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"drift score" in path.read_bytes() for path in files)
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


def test_the_panels_numbers_are_those_of_the_decision(decisions: tuple[Decision, ...]) -> None:
    numbers = numbers_of(decisions[1], {"v1": 1})

    assert numbers["drift score"] == pytest.approx(2.398, abs=0.001)  # 1 of 250: half of the shuffles is enough
    assert numbers["alarm bound"] == pytest.approx(2.0)
    assert numbers["alarms"] == len(decisions[1].alarms) > 0
    assert numbers["label a"] == 0.5
    assert "accuracy" not in numbers  # not known, so not shown
