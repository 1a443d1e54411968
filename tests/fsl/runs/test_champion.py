"""The old champion has a word in what its successor learns: which version that is, and what it says."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fsl.config import DataConfig, DistillationConfig, LearningConfig, RunConfig
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection
from fsl.data.intake import ingest_object
from fsl.data.snapshots import SnapshotRef, load_samples, take_snapshot
from fsl.learning.training.learner import Learner
from fsl.project import Project
from fsl.runs.champion import champion_to_hear, hear_champion
from fsl.runs.steps import fetch_step, plan_retrain
from fsl.samples import Split
from fsl.serving.predictor import Predictor
from fsl.store import layout
from fsl.store.aliases import move_alias
from fsl.store.layout_file import open_layout
from fsl.store.objects import ObjectStore
from fsl.store.registry import publish_version
from tasks.learning import adapt_student, adapt_teacher
from tasks.planning import plan_now

pytestmark = pytest.mark.usefixtures("one_thread")

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def drop(project: Project, name: str, texts: list[str]) -> None:
    rows = [{"text": text, "label": "refund" if "refund" in text else "parcel"} for text in texts]
    project.store.put(layout.inbox(name), "".join(f"{json.dumps(row)}\n" for row in rows).encode())
    ingest_object(project.store, project.config, layout.inbox(name), now=NOW)


@pytest.fixture
def project(bucket_store: ObjectStore, tiny_learning: LearningConfig, tmp_path: Path) -> Project:
    store = bucket_store.within(f"heard-{uuid.uuid4().hex}/")
    open_layout(store, "tickets", split_key="5" * 64, now=NOW)
    learning = tiny_learning.model_copy(update={"distillation": DistillationConfig(weight_champion=1.0)})
    data = DataConfig(near_duplicate_similarity=1.0, on_unknown_label="accept", new_label_min_rows=1)
    project = Project("tickets", store, RunConfig(project="tickets", data=data, learning=learning), tmp_path / "cache")
    drop(project, "rows.jsonl", [f"{'refund money' if row % 2 else 'where parcel'} {row}" for row in range(30)])
    return project


def crown(project: Project, bundle: Path, version: str, **facts: str | None) -> None:
    publish_version(project.registry, version, bundle, facts=facts)
    move_alias(project.registry, "champion", to=version, seen=None, verdict="promote", who="t", why="t", now=NOW)


def without_term(project: Project) -> Project:
    learning = project.config.learning.model_copy(update={"distillation": DistillationConfig()})
    return replace(project, config=project.config.model_copy(update={"learning": learning}))


def test_a_plan_names_the_champion_only_where_the_config_wants_it_heard(project: Project, text_bundle: Path) -> None:
    snapshot = take_snapshot(project.store, project.config).digest
    first, _ = plan_now(project)
    crown(project, text_bundle, "v-old", snapshot="another")

    assert champion_to_hear(project, snapshot) == "v-old"
    assert champion_to_hear(without_term(project), snapshot) is None
    assert plan_now(project)[0] == plan_retrain(project, snapshot, heard="v-old").key != first
    assert plan_now(without_term(project))[0] == plan_retrain(without_term(project), snapshot).key
    assert plan_now(project, head_only=True)[0] == plan_retrain(project, snapshot, head_of="v-old").key


def test_a_champion_of_these_very_inputs_is_not_trained_once_more(project: Project, text_bundle: Path) -> None:
    snapshot = take_snapshot(project.store, project.config).digest
    plan = plan_retrain(project, snapshot, heard="v-before")
    crown(project, text_bundle, plan.version, snapshot=snapshot, retrain_key=plan.key, heard="v-before")

    assert plan_now(project) == (plan.key, plan.version)
    # With another config it is worth a word itself, whatever it listened to.
    other = replace(project, config=project.config.model_copy(update={"learning": _seeded(project)}))
    assert champion_to_hear(other, snapshot) == plan.version


def _seeded(project: Project) -> LearningConfig:
    return project.config.learning.model_copy(update={"seed": 99})


def test_a_champion_that_saw_what_was_to_be_forgotten_has_no_word(project: Project, text_bundle: Path) -> None:
    before = take_snapshot(project.store, project.config).digest
    crown(project, text_bundle, "v-old", snapshot=before)
    rows = load_samples(project.store, SnapshotRef(before), set(Split))
    gone = Selection(row_ids=frozenset({rows[0].row_id}))
    forget(project.store, project.config, gone, who="mei", now=NOW + timedelta(days=1))

    assert champion_to_hear(project, take_snapshot(project.store, project.config).digest) is None


def test_the_champion_says_of_each_text_what_it_would_serve(project: Project, text_bundle: Path) -> None:
    snapshot = take_snapshot(project.store, project.config)
    crown(project, text_bundle, "v-old", snapshot="another")
    train = load_samples(project.store, snapshot, {Split.TRAIN})

    said = hear_champion(project, plan_retrain(project, snapshot.digest, heard="v-old"), train)

    assert said is not None
    assert said.labels == ("parcel", "refund", "退款")
    predictor = Predictor.load(text_bundle)
    for sample, one in zip(train, predictor.predict([sample.text for sample in train]), strict=True):
        assert said.by_row[sample.row_id].shape == (1, 3)
        assert float(said.by_row[sample.row_id].max()) == pytest.approx(one.answer.confidence, abs=1e-4)
        assert said.labels[int(np.argmax(said.by_row[sample.row_id]))] == one.answer.target
    assert hear_champion(project, plan_retrain(project, snapshot.digest), train) is None


def test_the_step_that_distils_has_the_student_listen_and_the_teachers_insides_reach_it_through_the_store(
    project: Project, text_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = DistillationConfig(weight_champion=1.0, weight_relations=1.0, relation_heads=4)
    fit = {"epochs": 1, "batch_size": 16}
    tiny = project.config.learning
    learning = tiny.model_copy(
        update={
            "distillation": terms,
            "teacher": tiny.teacher.model_copy(update=fit),
            "student": tiny.student.model_copy(update=fit),
            "budget_minutes": 0.0,
        }
    )
    project = replace(project, config=project.config.model_copy(update={"learning": learning}))
    crown(project, text_bundle, "v-old", snapshot="another")
    heard: list[tuple[bool, bool]] = []

    def watched(self: Learner, *args: Any, **named: Any) -> Any:
        heard.append((named.get("champion") is not None, named.get("views") is not None))
        return plain(self, *args, **named)

    plain = Learner.forward
    monkeypatch.setattr(Learner, "forward", watched)
    monkeypatch.setattr("tasks.learning.project_of", lambda name: project)
    key, _ = plan_now(project)

    adapt_teacher.fn("tickets", key)
    n_taught = len(heard)
    adapt_student.fn("tickets", key)

    assert n_taught > 0
    assert set(heard[:n_taught]) == {(False, False)}
    assert set(heard[n_taught:]) == {(True, True)}
    assert (fetch_step(project, key, "teacher") / "teacher.safetensors").is_file()


def test_a_champion_of_another_kind_of_problem_has_no_word(project: Project, word_bundle: Path) -> None:
    snapshot = take_snapshot(project.store, project.config)
    crown(project, word_bundle, "v-words", snapshot="another")

    assert hear_champion(project, plan_retrain(project, snapshot.digest, heard="v-words"), []) is None
