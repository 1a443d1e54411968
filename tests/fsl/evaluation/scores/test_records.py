"""Score sheets and verdicts survive a trip through JSON, and damaged ones are refused with a sentence."""

import json
import math
import subprocess
import sys
from collections.abc import Callable

import pytest

from fsl.config import GateConfig
from fsl.evaluation.errors import DamagedRecord, RepeatedRow
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.ruling.verdict import Verdict
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.problems import find_problem


def test_a_sheet_comes_back_from_json_as_it_was(sheet: Callable[..., ScoreSheet]) -> None:
    before = sheet("版本-1", [("退款", "退款"), ([[0, 2, "ORG"]], [])], labels=("退款",))

    assert ScoreSheet.from_json(json.loads(json.dumps(before.to_json()))) == before


def test_nan_travels_as_null_so_that_the_json_stays_json(sheet: Callable[..., ScoreSheet]) -> None:
    damaged = sheet("m", [("a", "a")], confidence=math.nan, latency_p95_ms=math.nan)

    text = json.dumps(damaged.to_json(), allow_nan=False)

    assert math.isnan(ScoreSheet.from_json(json.loads(text)).rows[0].confidence)


def test_a_verdict_comes_back_from_json_as_it_was(
    paired_predictions: Callable[..., tuple[ScoreSheet, ScoreSheet]],
) -> None:
    before = judge(*paired_predictions(wins=10, losses=2, ties=50), find_problem("classification"), GateConfig())

    assert Verdict.from_json(json.loads(json.dumps(before.to_json(), allow_nan=False))) == before


def test_damaged_json_is_refused_naming_the_field() -> None:
    with pytest.raises(DamagedRecord, match=r"ScoreSheet cannot be read: .*rows"):
        ScoreSheet.from_json({"version": "m", "labels": [], "rows": 7})


def test_rows_stand_in_one_order_however_they_came(sheet: Callable[..., ScoreSheet]) -> None:
    one = sheet("m", [("a", "a"), ("a", "b"), ("b", "b")])

    assert ScoreSheet("m", ("refund", "balance"), one.rows[::-1], 4.0, 12.0, 23_000_000) == one


def test_a_row_scored_twice_is_refused() -> None:
    row = RowScore("row-1", "a", "a", 0.5, True)

    with pytest.raises(RepeatedRow, match="row-1 stands more than once"):
        ScoreSheet("m", ("a",), (row, row), 1.0, 1.0, 1)


def test_the_gate_and_its_page_bring_in_no_heavy_package() -> None:
    heavy = ["torch", "pandas", "evidently", "pyarrow", "boto3", "sklearn", "onnxruntime"]
    code = (
        "import sys, fsl.evaluation.ruling.gate, fsl.evaluation.report.record, fsl.evaluation.report.model_card; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
