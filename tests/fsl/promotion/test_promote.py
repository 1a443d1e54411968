"""From a finished bundle to a verdict, a registered version and a move of the champion."""

import base64
import dataclasses
import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue

from fsl.config import DataConfig, ExportConfig, GateConfig, LearningConfig, RegistryConfig, RunConfig, TrustedKeyConfig
from fsl.data.intake import ingest_object
from fsl.data.snapshots import SnapshotRef, load_pool, load_samples, take_snapshot
from fsl.evaluation.ruling.verdict import Outcome, Verdict
from fsl.project import Project
from fsl.promotion.promote import (
    NotPromoted,
    champion_snapshot,
    find_version,
    judge_challenger,
    load_predictor,
    load_sheet,
    name_challenger,
    promote,
    register_challenger,
    score_challenger,
    score_champion,
    why_barred,
)
from fsl.promotion.verdict_log import read_tests
from fsl.runs.steps import RetrainPlan, fetch_step, finish_step, plan_retrain
from fsl.samples import Sample, Split
from fsl.serving.bundle import read_facts, write_facts
from fsl.store import layout
from fsl.store.aliases import CHAMPION, current_move, move_alias, read_moves, rollback
from fsl.store.errors import ObjectMissing
from fsl.store.layout_file import open_layout
from fsl.store.objects import ObjectStore
from fsl.store.registry import publish_version
from fsl.store.registry_errors import AliasMoved, NoSuchVersion

pytestmark = pytest.mark.usefixtures("one_thread")

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LABELS = ("parcel", "refund")


def to_jsonl(rows: list[dict[str, str]]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


@pytest.fixture(scope="module")
def config(tiny_learning: LearningConfig) -> RunConfig:
    return RunConfig(
        project="tickets",
        data=DataConfig(near_duplicate_similarity=1.0),  # the rows here differ in a number alone
        learning=tiny_learning,
        export=ExportConfig(int8=False),
        # How fast this machine is when tests run side by side is nothing that a test may hang on.
        gate=GateConfig(max_latency_p95_ms=10_000.0),
    )


@pytest.fixture(scope="module")
def accepted(bucket_store: ObjectStore, config: RunConfig) -> dict[str, bytes]:
    """What the store holds once a hundred rows of two intents and three unlabelled texts were accepted."""
    store = bucket_store.within(f"promotion-{uuid.uuid4().hex}/")
    open_layout(store, "tickets", split_key="5" * 64, now=NOW)
    rows = [{"text": f"{'refund money' if n % 2 else 'where parcel'} {n}", "label": LABELS[n % 2]} for n in range(100)]
    store.put(layout.inbox("rows.jsonl"), to_jsonl(rows))
    store.put(layout.inbox("pool.jsonl"), to_jsonl([{"text": f"my money {n}"} for n in range(3)]))
    for name in ("rows.jsonl", "pool.jsonl"):
        ingest_object(store, config, layout.inbox(name), now=NOW)
    return {info.key: store.get(info.key) for info in store.list("")}


@pytest.fixture
def project(store: ObjectStore, config: RunConfig, accepted: dict[str, bytes], tmp_path: Path) -> Project:
    for key, data in accepted.items():
        store.put(key, data)
    return Project("tickets", store, config, tmp_path / "cache")


@pytest.fixture
def plan(project: Project) -> RetrainPlan:
    return plan_retrain(project, take_snapshot(project.store, project.config).digest)


@pytest.fixture
def bundle_of(project: Project, text_bundle: Path) -> Callable[..., None]:
    """Finish a plan's bundle step with a head that the train rows were fitted with, or with labels changed over."""

    def finish(plan: RetrainPlan, *, mixed_up: bool = False) -> None:
        def make(folder: Path) -> Mapping[str, JsonValue]:
            shutil.copytree(text_bundle, folder, dirs_exist_ok=True)
            fit_head(folder, load_samples(project.store, SnapshotRef(plan.snapshot), {Split.TRAIN}), mixed_up)
            return {"precision": "float32"}

        finish_step(project, plan.key, "bundle", make)

    return finish


def fit_head(folder: Path, train: list[Sample], mixed_up: bool) -> None:
    import numpy as np

    from fsl.export.heads import build_head
    from fsl.learning.heads import fit_probe
    from fsl.serving.predictor import Predictor

    vectors = np.stack([one.embedding for one in Predictor.load(folder).predict([row.text for row in train])])
    targets = np.array([LABELS.index(str(row.target)) for row in train])
    build_head(fit_probe(vectors, 1 - targets if mixed_up else targets, 2, seed=0), folder / "head.onnx")
    write_facts(folder, dataclasses.replace(read_facts(folder), labels=LABELS))


def judged(project: Project, plan: RetrainPlan, champion: str | None = None) -> Verdict:
    score_challenger(project, plan)
    if champion is not None:
        score_champion(project, plan, champion)
    return judge_challenger(project, plan, champion)


def next_plan(project: Project) -> RetrainPlan:
    """Accept ten rows more, and plan a retrain of everything."""
    rows = [
        {"text": f"{'refund money' if n % 2 else 'where parcel'} back {n}", "label": LABELS[n % 2]} for n in range(10)
    ]
    project.store.put(layout.inbox("more.jsonl"), to_jsonl(rows))
    ingest_object(project.store, project.config, layout.inbox("more.jsonl"), now=NOW)
    return plan_retrain(project, take_snapshot(project.store, project.config).digest)


def test_a_challenger_is_scored_on_the_judge_rows_and_on_no_others(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    samples = load_samples(project.store, SnapshotRef(plan.snapshot), {Split.JUDGE})

    sheet = score_challenger(project, plan)

    assert {row.row_id: row.truth for row in sheet.rows} == {sample.row_id: sample.target for sample in samples}
    assert 10 < len(sheet.rows) < 40
    assert sheet.version == plan.version
    assert sheet.labels == LABELS
    assert sheet.size_bytes == sum(path.stat().st_size for path in fetch_step(project, plan.key, "bundle").iterdir())
    assert sheet == load_sheet(project, plan, plan.version)


def test_a_first_champion_is_promoted_with_its_lineage_and_its_reasons(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    assert champion_snapshot(project) is None

    verdict = judged(project, plan)
    manifest = register_challenger(project, plan, verdict, "# A card\n")
    move = promote(project, plan, verdict, seen=None, who="flow:retrain", now=NOW)

    assert verdict.outcome is Outcome.PROMOTE
    assert [test.challenger for test in read_tests(project.store, None)] == [plan.version]
    assert manifest.version == move.version == plan.version
    assert {"bundle.json", "encoder.onnx", "head.onnx", "tokenizer.json", "README.md"} == {
        file.path for file in manifest.files
    }
    facts = manifest.facts
    assert (facts["snapshot"], facts["retrain_key"], facts["parent"]) == (plan.snapshot, plan.key, None)
    assert facts["export"] == {"precision": "float32"}
    assert Verdict.from_json(facts["verdict"]) == verdict
    assert RunConfig(**facts["config"]).learning == plan.config.learning  # type: ignore[arg-type]
    assert (move.verdict, move.why) == ("promote", "; ".join(verdict.reasons))
    assert current_move(project.registry, CHAMPION) == move
    assert champion_snapshot(project) == plan.snapshot


def test_what_was_registered_answers_as_what_was_scored(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    verdict = judged(project, plan)
    register_challenger(project, plan, verdict, "# A card\n")
    samples = load_samples(project.store, SnapshotRef(plan.snapshot), {Split.JUDGE})

    served = load_predictor(project, plan.version).predict([sample.text for sample in samples])

    scored = {row.row_id: row.answer for row in load_sheet(project, plan, plan.version).rows}
    assert [one.answer.target for one in served] == [scored[sample.row_id] for sample in samples]


def test_a_worse_challenger_is_registered_and_not_promoted(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    first = judged(project, plan)
    register_challenger(project, plan, first, "")
    promote(project, plan, first, seen=None, who="test", now=NOW)
    later = next_plan(project)
    bundle_of(later, mixed_up=True)

    verdict = judged(project, later, champion=plan.version)
    register_challenger(project, later, verdict, "")

    assert verdict.outcome is Outcome.REJECT
    assert verdict.use is not None
    assert (verdict.use.n_before, verdict.use.n_verdicts) == (0, 1)  # of this champion; of the project
    manifest = find_version(project.registry, later.version)
    assert manifest is not None
    assert manifest.facts["parent"] == plan.version
    with pytest.raises(NotPromoted, match=f"{later.version} was not made the champion: .* is reject"):
        promote(project, later, verdict, seen=current_move(project.registry, CHAMPION), who="test", now=NOW)
    assert [move.version for move in read_moves(project.registry, CHAMPION)] == [plan.version]


def test_a_verdict_on_another_version_promotes_nothing(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    verdict = judged(project, plan)
    later = next_plan(project)

    with pytest.raises(NotPromoted, match=f"the verdict on {plan.version} is promote"):
        promote(project, later, verdict, seen=None, who="test", now=NOW)


def test_the_champion_is_scored_on_the_challengers_judge_rows(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    first = judged(project, plan)
    register_challenger(project, plan, first, "")
    later = next_plan(project)
    bundle_of(later)

    score_challenger(project, later)
    sheet = score_champion(project, later, plan.version)

    ours = load_sheet(project, later, later.version)
    assert [row.row_id for row in sheet.rows] == [row.row_id for row in ours.rows]
    assert len(sheet.rows) > len(load_sheet(project, plan, plan.version).rows)
    assert sheet == load_sheet(project, later, plan.version)


def test_registering_again_keeps_the_first_verdict(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    verdict = judged(project, plan)
    first = register_challenger(project, plan, verdict, "# A card\n")

    second = dataclasses.replace(verdict, outcome=Outcome.REJECT)

    assert register_challenger(project, plan, second, "# Another card\n") == first


def test_of_two_promotions_that_saw_the_same_champion_one_holds(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    verdict = judged(project, plan)
    register_challenger(project, plan, verdict, "")
    promote(project, plan, verdict, seen=None, who="first", now=NOW)

    with pytest.raises(AliasMoved, match="first"):
        promote(project, plan, verdict, seen=None, who="second", now=NOW)

    assert [move.who for move in read_moves(project.registry, CHAMPION)] == ["first"]


def test_the_version_that_a_retrain_made_is_the_challenger_once(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    register_challenger(project, plan, judged(project, plan), "")

    for _ in range(2):
        move = name_challenger(project, plan.version, "reject", who="flow:retrain", now=NOW)
        assert move is not None
        assert (move.alias, move.version, move.seq, move.verdict) == ("challenger", plan.version, 1, "reject")
    assert current_move(project.registry, CHAMPION) is None


def test_a_worker_that_may_train_and_not_move_names_no_challenger_and_goes_on(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    bundle_of(plan)
    register_challenger(project, plan, judged(project, plan), "")
    keys = (TrustedKeyConfig(name="ops", public_key=base64.b64encode(bytes(32)).decode()),)
    config = RunConfig(project="tickets", registry=RegistryConfig(require_signature=True, keys=keys))
    strict = dataclasses.replace(project, config=config)

    assert name_challenger(strict, plan.version, "reject", who="flow:retrain", now=NOW) is None
    assert current_move(project.registry, "challenger") is None


def test_a_rollback_bars_a_version_until_somebody_promotes_it(
    project: Project, plan: RetrainPlan, bundle_of: Callable[..., None]
) -> None:
    def move(version: str) -> None:
        seen = current_move(project.registry, CHAMPION)
        move_alias(project.registry, CHAMPION, to=version, seen=seen, verdict="override", who="mei", why="x", now=NOW)

    bundle_of(plan)
    folder = fetch_step(project, plan.key, "bundle")
    for version in ("v1", "v2"):
        publish_version(project.registry, version, folder, facts={})
        move(version)
    rollback(project.registry, CHAMPION, who="ana", why="wrong on refunds", now=NOW)

    barred = why_barred(project, "v2")
    assert barred is not None
    assert "v2 was left by ana in move 3: rolled back from v2: wrong on refunds" in barred
    assert why_barred(project, "v1") is None
    for version in ("v2", "v1"):
        move(version)
    assert why_barred(project, "v2") is None


def test_what_is_not_finished_can_be_neither_scored_nor_judged_nor_found(project: Project, plan: RetrainPlan) -> None:
    with pytest.raises(NoSuchVersion):
        score_challenger(project, plan)
    with pytest.raises(ObjectMissing):
        judge_challenger(project, plan, None)
    assert find_version(project.registry, plan.version) is None


def test_the_whole_way_from_rows_to_a_champion(project: Project, plan: RetrainPlan) -> None:
    from fsl.export.bundle import build_bundle
    from fsl.learning.artifacts import load_soft_labels, load_student, save_soft_labels, save_student
    from fsl.learning.student import adapt_student
    from fsl.learning.teacher import adapt_teacher

    ref = SnapshotRef(plan.snapshot)
    train, tune = (load_samples(project.store, ref, {split}) for split in (Split.TRAIN, Split.TUNE))
    pool = load_pool(project.store, ref)
    assert sorted(sample.text for sample in pool) == [f"my money {n}" for n in range(3)]

    def teach(folder: Path) -> Mapping[str, JsonValue]:
        soft = adapt_teacher(train, tune, pool, project.problem, plan.config.learning, where="tickets")
        save_soft_labels(soft, folder)
        return {}

    def distil(folder: Path) -> Mapping[str, JsonValue]:
        soft = load_soft_labels(fetch_step(project, plan.key, "teacher"))
        student = adapt_student(train, tune, pool, soft, project.problem, plan.config.learning)
        save_student(student, folder)
        return {"winner": student.choice.winner}

    def export(folder: Path) -> Mapping[str, JsonValue]:
        student = load_student(fetch_step(project, plan.key, "student"))
        texts = [sample.text for sample in (*pool, *tune)]
        return {"precision": build_bundle(student, texts, project.problem, plan.config.export, folder).precision}

    for name, make in {"teacher": teach, "student": distil, "bundle": export}.items():
        finish_step(project, plan.key, name, make)
    verdict = judged(project, plan)
    register_challenger(project, plan, verdict, "")
    promote(project, plan, verdict, seen=None, who="test", now=NOW)

    sheet = load_sheet(project, plan, plan.version)
    assert all(row.correct for row in sheet.rows)
    assert load_predictor(project, plan.version).predict(["refund money 7"])[0].answer.target == "refund"
