"""`fsl explain`, on a version of a real project."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fsl.explaining.errors import NotExplained
from fsl.explaining.explainer import load_explainer
from fsl.promotion.overrides import promote_by_hand

pytestmark = pytest.mark.usefixtures("one_thread")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Fsl = Callable[..., tuple[int, str]]


def test_an_answer_is_explained_by_its_words_and_rows(trial: Any, fsl: Fsl) -> None:
    assert "has no champion yet" in fsl("explain", "hello")[1]
    plan = trial.drop(80, "please")
    trial.finish(plan)
    trial.judge(plan)
    promote_by_hand(trial.project, plan.version, who="test", why="a test", now=NOW)

    status, said = fsl("explain", "where is my parcel \x1b[31m")

    assert status == 0
    assert f"{plan.version} answers parcel" in said
    assert "where parcel please" in said  # a training row
    assert f"fsl models why {plan.version}" in said
    assert "\x1b[31m" not in said
    facts = json.loads(fsl("explain", "where is my parcel", "--version", plan.version, "--json")[1])
    assert [word["text"] for word in facts["words"]] == ["where", "is", "my", "parcel"]
    assert len(facts["neighbours"]) == 5
    assert "holds no word" in fsl("explain", "?!")[1]
    assert "v-none" in fsl("explain", "hello", "--version", "v-none")[1]


def test_a_tagger_is_not_explained_and_says_why(trial: Any, word_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(word_bundle, folder)

    with pytest.raises(NotExplained, match=r"one label a text.*name the words"):
        load_explainer(trial.project, folder, "0" * 64)
