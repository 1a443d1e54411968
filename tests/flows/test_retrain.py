"""The retrain flow, whole, on a student of one layer: promoted once, resumed where it was cut off."""

import importlib.util
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey, FlowRunFilter, FlowRunFilterName

import fsl.export.bundle
from flows.cycle import cycle
from flows.drift import drift
from flows.ingest import ingest
from flows.retrain import retrain
from flows.server.settings import command_line_environment
from fsl.data.errors import NothingAccepted
from fsl.data.forgetting.due import versions_that_saw
from fsl.data.tombstones import read_tombstones
from fsl.drift.decision.history import read_history as read_decisions
from fsl.problems.base import Answer
from fsl.project import Project, open_project, push_config
from fsl.promotion.approval import approve
from fsl.promotion.promote import load_predictor
from fsl.runs.curves import fetch_curves
from fsl.runs.head_refit import NoEncoderToKeep
from fsl.scheduling.trigger_facts import find_audited
from fsl.serving.prediction_log import log_predictions
from fsl.serving.predictor import Prediction
from fsl.serving.replay import replay_traffic, spread_over_day
from fsl.store import layout
from fsl.store.aliases import CHAMPION, current_move, move_alias, read_moves
from fsl.store.registry import Manifest, fetch_version, load_manifest, publish_version
from fsl.workspace import CONFIG_FILE
from tests.flows.conftest import CONFIG

HAS_TENSORBOARD = importlib.util.find_spec("tensorboard") is not None

Rows = list[dict[str, Any]]
Fsl = Callable[..., tuple[int, Any, str]]


def _accept(project: Project, rows: Rows, name: str = "rows.jsonl") -> None:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    project.store.put(layout.inbox(name), data.encode())
    ingest(project.name)


def test_a_project_without_rows_is_told_to_drop_some(project: Project) -> None:
    with pytest.raises(NothingAccepted, match=r"inbox|ingest"):
        retrain(project.name)


def test_a_first_retrain_registers_a_version_that_serves_what_was_judged(
    project: Project, sample_rows: Rows, tmp_path: Path
) -> None:
    _accept(project, sample_rows)

    result = retrain(project.name, "a test")

    move = current_move(project.registry, CHAMPION)
    assert result["outcome"] == "promote"
    assert move is not None
    assert move.version == result["version"]
    challenger = current_move(project.registry, "challenger")
    assert challenger is not None
    assert (challenger.version, challenger.who, challenger.verdict) == (move.version, "flow:retrain", "promote")
    manifest = load_manifest(project.registry, move.version)
    assert manifest.facts["snapshot"]
    _assert_proven(manifest)
    curves = fetch_curves(project, str(manifest.facts["retrain_key"]), tmp_path)
    assert [path.parent.name for path in curves] == (["teacher", "student"] if HAS_TENSORBOARD else [])
    answer = load_predictor(project, move.version).predict(["where is my parcel, the tracking has not moved"])[0].answer
    assert answer.target in {"track_order", "invoice_request", "device_pairing", "close_account"}
    named = FlowRunFilter(name=FlowRunFilterName(any_=[f"retrain {project.name} {move.version}"]))
    with get_client(sync_client=True) as client:
        assert len(client.read_flow_runs(flow_run_filter=named)) == 1


def _assert_proven(manifest: Manifest) -> None:
    """Parity with what was trained, and with itself in batches, was measured on the way to this version."""
    export = manifest.facts["export"]
    assert isinstance(export, dict)
    for proof in ("parity", "batching"):
        figures = export[proof]
        assert isinstance(figures, dict)
        assert figures["n_lengths"] > 5
        assert 0.0 <= figures["probability_error"] <= (1e-3 if proof == "parity" else 0.5)


def test_a_retrain_with_nothing_new_does_nothing_and_says_so(project: Project, sample_rows: Rows) -> None:
    _accept(project, sample_rows)
    first = retrain(project.name)

    second = retrain(project.name)

    assert second["outcome"] == "unchanged"
    assert second["version"] == first["version"]
    assert len(read_moves(project.registry, CHAMPION)) == 1


def test_a_head_only_retrain_keeps_the_champions_encoder_and_is_judged_like_any(
    project: Project, sample_rows: Rows, fsl: Fsl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _accept(project, sample_rows[:-40])
    with pytest.raises(NoEncoderToKeep, match="no champion yet"):
        retrain(project.name, head_only=True)
    first = retrain(project.name)
    assert retrain(project.name, head_only=True)["outcome"] == "unchanged"
    _accept(project, sample_rows[-40:], "more.jsonl")

    second = retrain(project.name, "more rows", head_only=True)

    assert second["outcome"] in ("promote", "reject", "undecided")
    before, after = (load_manifest(project.registry, one["version"]) for one in (first, second))
    changed = {file.path for file in set(after.files) - set(before.files)}
    assert "head.onnx" in changed
    assert changed <= {"head.onnx", "bundle.json", "README.md"}
    assert after.facts["export"]["head_of"] == first["version"]  # type: ignore[index, call-overload]
    _assert_proven(after)
    assert 0.0 < after.facts["export"]["head_parity"]["logit_error"] <= 1e-2  # type: ignore[index, call-overload]
    # What the verdict compared is what the registry holds: the same rows, by the same predictor.
    assert isinstance(after.facts["verdict"], dict)

    # Somebody asks to be forgotten: the next head is fitted without the row, and its encoder still saw it.
    (tmp_path / CONFIG_FILE).write_text(CONFIG.format(name=project.name), encoding="utf-8")
    for name, value in command_line_environment(tmp_path).items():
        monkeypatch.setenv(name, os.environ.get(name, value))

    _, facts, _ = fsl("data", "forget", "--where", f"text = {sample_rows[0]['text']}", "--yes", "--json")

    made = load_manifest(project.registry, facts["refit"]["version"])
    (tombstone,) = read_tombstones(project.store).every
    assert made.facts["snapshot"] != after.facts["snapshot"]
    assert {made.version, made.facts["head_of"]} <= set(versions_that_saw(project, tombstone))


def test_a_retrain_cut_off_in_export_goes_on_without_training_again(
    project: Project, sample_rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    _accept(project, sample_rows)

    class PowerCut(BaseException):
        pass

    def cut(*args: object, **kwargs: object) -> None:
        raise PowerCut

    with monkeypatch.context() as broken:
        broken.setattr(fsl.export.bundle, "build_bundle", cut)
        with pytest.raises(PowerCut):
            retrain(project.name)
    assert current_move(project.registry, CHAMPION) is None

    def must_not_run(*args: object, **kwargs: object) -> None:
        raise AssertionError("a finished step was done again")

    monkeypatch.setattr("fsl.learning.teacher.adapt_teacher", must_not_run)
    monkeypatch.setattr("fsl.learning.student.adapt_student", must_not_run)

    assert retrain(project.name)["outcome"] == "promote"


def test_a_version_that_somebody_must_approve_waits_and_serves_once_approved(
    project: Project, sample_rows: Rows
) -> None:
    gate = project.config.gate.model_copy(update={"approval": "required"})
    push_config(project.config.model_copy(update={"gate": gate, "store": project.config.store}), project.store)
    _accept(project, sample_rows)

    state = retrain(project.name, return_state=True)

    result = state.result()
    version = result["version"]
    assert (state.name, state.is_completed(), result["outcome"]) == ("Waiting for approval", True, "waiting")
    assert f"fsl models approve {version}" in state.message
    assert f"fsl models refuse {version}" in state.message
    assert current_move(project.registry, CHAMPION) is None
    assert f"fsl models approve {version} --reason" in _artifact("waiting-for-approval")

    again = retrain(project.name)
    assert (again["outcome"], "waits for approval" in again["reasons"][0]) == ("barred", True)

    approve(open_project(project.name), version, who="person:ada", why="it may", now=datetime.now(UTC))
    move = current_move(project.registry, CHAMPION)
    assert move is not None
    assert (move.version, move.who) == (version, "person:ada")
    assert retrain(project.name)["outcome"] == "unchanged"


def _artifact(key: str) -> str:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return str(found[0].data)


def test_drift_finds_a_change_of_subject_and_asks_for_labels(
    project: Project, sample_rows: Rows, tmp_path: Path
) -> None:
    _accept(project, sample_rows)
    retrain(project.name)
    before = [row["text"] for row in sample_rows][:60]
    finance = Path(__file__).parents[2] / "fsl" / "templates" / "finance-sentiment" / "data" / "day-1" / "traffic.jsonl"
    after = [json.loads(line)["text"] for line in finance.read_text(encoding="utf-8").splitlines()][:60]
    replay_traffic(project, before, spread_over_day(60, datetime(2026, 3, 2, tzinfo=UTC)))
    replay_traffic(project, after, spread_over_day(60, datetime(2026, 3, 3, tzinfo=UTC)))

    found = drift(project.name)

    assert found["action"] == "ask-labels"
    assert "a new topic" in found["reason"]
    page = project.store.get(layout.drift(found["window"], "report.html"))
    assert b"Content-Security-Policy" in page
    assert after[0].encode() not in page  # texts stay in the prediction log

    # The next day's window knows what audit labels of the first say: here that every answer is wrong.
    move = current_move(project.registry, CHAMPION)
    assert move is not None
    answers = [one.answer.target for one in load_predictor(project, move.version).predict(after[:40])]
    labels = sorted({row["label"] for row in sample_rows})
    labelled = [
        {"text": text, "label": next(label for label in labels if label != answer), "audit": 0.5}
        for text, answer in zip(after, answers, strict=False)
    ]
    _accept(project, labelled, "audit.jsonl")
    replay_traffic(project, after[:50], spread_over_day(50, datetime.now(UTC) - timedelta(days=1)))

    drift(project.name)

    said = read_decisions(project.store)[-1]
    assert said.harm is not None
    assert "labels-waiting" not in said.signs  # audit rows judge, so there is nothing new to learn from
    assert said.harm.n_audit == 40
    assert any("accuracy is about 0.0%" in words and "with 40 audit labels" in words for words in said.harm.words)
    audited = find_audited(project)
    assert audited is not None
    assert (audited.n_rows, audited.accuracy) == (40, 0.0)
    assert audited.upper < 0.2  # so that `triggers.min_audited_accuracy` starts a retrain


def test_a_project_that_has_served_nothing_is_told_to_wait_and_the_cycle_ends_well(project: Project) -> None:
    done = cycle(project.name)

    assert done["drift"]["action"] == "none"
    assert "Serve some texts first" in done["drift"]["reason"]
    assert done["due"] is False
    assert "retrain" not in done


def test_the_drift_flow_first_lets_a_broken_champion_go(project: Project, sample_rows: Rows) -> None:
    from datetime import UTC, datetime, timedelta

    _accept(project, sample_rows)
    good = str(retrain(project.name)["version"])
    first = current_move(project.registry, "champion")
    now = datetime.now(UTC)
    publish_version(project.registry, "v-broken", fetch_version(project.registry, good, project.cache), facts={})
    move_alias(
        project.registry, "champion", to="v-broken", seen=first, verdict="override", who="mei", why="in haste", now=now
    )
    texts = [row["text"] for row in sample_rows][:110]
    unsure = [
        Prediction(Answer(one.answer.target, 0.01, 0.0), one.embedding)
        for one in load_predictor(project, good).predict(texts)
    ]
    times = [now + timedelta(seconds=1)] * len(texts)
    log_predictions(project.store, texts, times, unsure, version="v-broken", encoder="e")

    found = drift(project.name)

    assert found["action"] == "rolled-back"
    assert "mean confidence" in found["reason"]
    current = current_move(project.registry, "champion")
    assert current is not None
    assert current.version == good
