"""`fsl predict` as a person types it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from fsl.export.heads import build_head
from fsl.learning.heads import Head
from fsl.serving.abstention import Limits
from fsl.serving.bundle import read_facts, write_facts
from fsl.serving.predictor import Predictor
from fsl.store.aliases import CHAMPION, move_alias
from fsl.store.registry import publish_version
from fsl.store.registry_errors import NoSuchVersion
from fsl.workspace import find_workspace

Fsl = Callable[..., tuple[int, Any, str]]
NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = [{"text": "where is my parcel"}, {"text": None}, {"text": ""}, {"text": "退款 \x00 🙂"}]


@pytest.fixture
def champion(project_name: str, text_bundle: Path, tmp_path: Path) -> Path:
    """Make a bundle the champion, and return a file of texts."""
    with find_workspace(tmp_path).open() as project:
        publish_version(project.registry, "v-1", text_bundle, facts={})
        move_alias(project.registry, CHAMPION, to="v-1", seen=None, verdict="promote", who="a test", why="", now=NOW)
    file = tmp_path / "in.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS) + "no JSON\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_file_is_answered_line_by_line_and_bad_lines_spoil_no_others(fsl: Fsl, champion: Path, name: str) -> None:
    status, _, err = fsl("predict", "--file", str(champion), "--out", name)

    assert (status, err) == (0, "")
    out = champion.with_name(name)
    rows = pq.read_table(out).to_pylist() if name.endswith("parquet") else [json.loads(one) for one in out.open()]
    assert [bool(row.get("error")) for row in rows] == [False, True, False, False, True]
    assert rows[1]["error"] == "no text in it"
    assert [row.get("text") for row in rows if not row.get("error")] == ["where is my parcel", "", "退款 \x00 🙂"]


def test_without_an_output_the_answers_are_printed(fsl: Fsl, champion: Path) -> None:
    status, out, _ = fsl("predict", "--file", str(champion))

    assert status == 0
    assert [set(json.loads(one)) for one in out.splitlines()][:2] == [
        {"text", "answer", "confidence"},
        {"line", "error"},
    ]


def test_an_output_that_cannot_be_written_is_refused_in_a_sentence(fsl: Fsl, champion: Path) -> None:
    status, _, err = fsl("predict", "--file", str(champion), "--out", "out.xlsx")

    assert status != 0
    assert "answers cannot be written to out.xlsx: its name must end in .jsonl or .parquet" in err


def test_a_text_that_is_an_argument_is_answered(fsl: Fsl, champion: Path) -> None:
    status, out, _ = fsl("predict", "where is my parcel", "", "--json")

    assert status == 0
    assert [one["text"] for one in out] == ["where is my parcel", ""]


def test_a_predictor_is_loaded_by_alias_version_or_folder(
    champion: Path, text_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(champion.parent)
    expected = Predictor.load(str(text_bundle)).predict(["where is my parcel"])[0].answer

    for name in ("champion", "v-1"):
        assert Predictor.load(name).predict(["where is my parcel"])[0].answer == expected
    with pytest.raises(NoSuchVersion, match="v-2"):
        Predictor.load("v-2")


def test_a_text_that_is_left_unanswered_says_why(
    fsl: Fsl, project_name: str, text_bundle: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(text_bundle, tmp_path / "bundle"))
    write_facts(folder, replace(read_facts(folder), limits=Limits(confidence=1.0)))
    with find_workspace(tmp_path).open() as project:
        publish_version(project.registry, "v-shy", folder, facts={})

    status, out, _ = fsl("predict", "where is my parcel", "--version", "v-shy", "--json")
    _, shown, _ = fsl("predict", "where is my parcel", "--version", "v-shy")

    assert status == 0
    assert (out[0]["answer"], out[0]["abstained"]) == (None, "unsure")
    assert out[0]["guess"] in ("parcel", "refund", "退款")
    assert "none: unsure (at best " in " ".join(shown.split())


def test_a_set_of_labels_is_shown_with_a_probability_for_each(
    fsl: Fsl, project_name: str, text_bundle: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(text_bundle, tmp_path / "bundle"))
    level = np.array([2.0, -2.0, 1.0], np.float32)  # whatever the text is
    build_head(Head(np.zeros((32, 3), np.float32), level, activation="sigmoid"), folder / "head.onnx")
    write_facts(folder, replace(read_facts(folder), problem="multilabel", thresholds=(0.5, 0.1, 0.8)))
    with find_workspace(tmp_path).open() as project:
        publish_version(project.registry, "v-sets", folder, facts={})

    status, out, _ = fsl("predict", "where is my parcel", "--version", "v-sets", "--json")
    _, shown, _ = fsl("predict", "where is my parcel", "--version", "v-sets")

    chances = {"parcel": 0.8808, "refund": 0.1192, "退款": 0.7311}
    assert status == 0
    assert out[0]["answer"] == ["parcel", "refund"]  # each from its own threshold on
    assert out[0]["probabilities"] == chances
    assert out[0]["confidence"] == pytest.approx(0.8808 * 0.1192 * (1 - 0.7311), abs=1e-3)
    assert "parcel 0.88, refund 0.12" in " ".join(shown.split())
