"""`fsl models why` and `fsl models diff`, on versions of a real project."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from fsl.promotion.promote import load_sheet
from fsl.promotion.version_diff import compare_versions
from fsl.store import layout

pytestmark = pytest.mark.usefixtures("one_thread")
Fsl = Callable[..., tuple[int, str]]


def test_why_says_what_the_page_says_and_diff_compares_any_two(trial: Any, fsl: Fsl) -> None:
    first = trial.drop(80, "please")
    trial.finish(first, mixed_up=0.45)
    trial.judge(first)
    second = trial.drop(20, "back")
    trial.finish(second)
    verdict = trial.judge(second, champion=first.version)

    status, said = fsl("models", "why", second.version)

    assert status == 0
    for words in (
        f"{second.version} against {first.version}",
        "95% intervals",
        "changed texts",
        "labels whose confusion changed most",
        "forgotten: of",
        "wrong before, right now",
        "carried by",
        "learnt from",
        "log-likelihood",
        f"fsl models diff {first.version} {second.version}",
    ):
        assert words in said
    assert json.loads(fsl("models", "why", second.version, "--json")[1])["verdict"] == verdict.to_json()

    there = compare_versions(trial.project, first.version, second.version)
    back = compare_versions(trial.project, second.version, first.version)
    sheet = load_sheet(trial.project, second, second.version)
    assert (there.is_new, there.n_judge_rows) == (False, len(sheet.rows))
    assert len(there.became_right) == verdict.n_wins
    assert [flip.row_id for flip in back.became_wrong] != []
    assert {flip.row_id for flip in back.became_wrong} == {flip.row_id for flip in there.became_right}
    assert back.verdict.difference == -there.verdict.difference
    status, said = fsl("models", "diff", second.version, first.version)
    assert (status, "as a retrain scored them" in said) == (0, True)

    # A record that was cleaned away leaves the verdict; sheets that were cleaned away are made again, and not kept.
    for key in (layout.run_record(second.key), layout.step(second.key, f"scores-{first.version}.json")):
        trial.project.store.delete(key)
    status, said = fsl("models", "why", second.version)
    assert (status, "only the verdict is left" in said) == (0, True)
    before = {info.key for info in trial.project.store.list("")}
    again = compare_versions(trial.project, first.version, second.version)
    assert again.is_new
    assert again.became_right == there.became_right
    assert {info.key for info in trial.project.store.list("")} == before


def test_an_unknown_version_is_answered_in_a_sentence(trial: Any, fsl: Fsl) -> None:
    for words in (("why", "v-none"), ("diff", "v-none", "v-other"), ("why", "../../etc")):
        status, said = fsl("models", *words)
        assert status == 1
        assert said.startswith("error:")
        assert words[1] in said
