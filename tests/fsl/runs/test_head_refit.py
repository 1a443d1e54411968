"""The head-only retrain: what it makes, what it keeps, and what is embedded again."""

import json
import shutil
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fsl.config import DataConfig, ExportConfig, GateConfig, LearningConfig, RunConfig, ServingConfig
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection
from fsl.data.intake import ingest_object
from fsl.data.snapshots import SnapshotRef, load_samples, load_snapshot, take_snapshot
from fsl.evaluation.ruling.verdict import Outcome
from fsl.export.errors import ExportNotFaithful
from fsl.project import Project
from fsl.promotion.promote import judge_challenger, register_challenger, score_challenger
from fsl.runs.bundles import fetch_bundle
from fsl.runs.embeddings import embed_batch
from fsl.runs.head_refit import NoEncoderToKeep, TooFewLabelsForHead, refit_bundle, write_refitted
from fsl.runs.run_page import describe_run, publish_run_page
from fsl.runs.steps import RetrainPlan, plan_retrain
from fsl.samples import Split
from fsl.serving.bundle import SCHEMA
from fsl.serving.errors import BundleDamaged
from fsl.serving.predictor import Predictor
from fsl.store import layout
from fsl.store.layout_file import open_layout
from fsl.store.objects import ObjectStore
from fsl.store.registry import load_manifest, publish_version

pytestmark = pytest.mark.usefixtures("one_thread")

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LABELS = ("parcel", "refund")
BASE = "v-base"


def drop(project: Project, name: str, rows: list[dict[str, str]]) -> None:
    project.store.put(layout.inbox(name), "".join(f"{json.dumps(row)}\n" for row in rows).encode())
    ingest_object(project.store, project.config, layout.inbox(name), now=NOW)


def rows_of(n: int, *, start: int = 0, third: bool = False) -> list[dict[str, str]]:
    words = {"parcel": "where parcel", "refund": "refund money", "greeting": "hello there cafe"}
    labels = [*LABELS, "greeting"] if third else list(LABELS)
    return [
        {"text": f"{words[labels[row % len(labels)]]} {row}", "label": labels[row % len(labels)]}
        for row in range(start, start + n)
    ]


@pytest.fixture(scope="module")
def config(tiny_learning: LearningConfig) -> RunConfig:
    data = DataConfig(near_duplicate_similarity=1.0, on_unknown_label="accept", new_label_min_rows=1)
    gate = GateConfig(max_latency_p95_ms=10_000.0)
    return RunConfig(project="tickets", data=data, learning=tiny_learning, export=ExportConfig(int8=False), gate=gate)


@pytest.fixture
def project(bucket_store: ObjectStore, config: RunConfig, text_bundle: Path, tmp_path: Path) -> Project:
    """A project with sixty rows and a version whose head was fitted to nothing."""
    store = bucket_store.within(f"refit-{uuid.uuid4().hex}/")
    open_layout(store, "tickets", split_key="5" * 64, now=NOW)
    project = Project("tickets", store, config, tmp_path / "cache")
    drop(project, "rows.jsonl", rows_of(60))
    publish_version(
        project.registry, BASE, text_bundle, facts={"export": {"fp32_bytes": 1, "trials": [], "precision": "float32"}}
    )
    return project


def plan_of(project: Project) -> RetrainPlan:
    return plan_retrain(project, take_snapshot(project.store, project.config).digest, head_of=BASE)


def stored_vectors(project: Project) -> dict[str, str]:
    return {info.key: info.etag for info in project.store.list(layout.EMBEDDINGS)}


def test_a_refitted_bundle_keeps_the_encoder_and_answers_by_the_rows(project: Project, text_bundle: Path) -> None:
    plan = plan_of(project)

    refit_bundle(project, plan)

    folder = fetch_bundle(project, plan)
    for name in ("encoder.onnx", "tokenizer.json"):
        assert (folder / name).read_bytes() == (text_bundle / name).read_bytes()
    predictor = Predictor.load(folder)
    assert predictor.facts.labels == LABELS
    assert predictor.facts.encoder == Predictor.load(text_bundle).facts.encoder
    answers = [one.answer.target for one in predictor.predict(["where parcel 900", "refund money 901"])]
    assert answers == ["parcel", "refund"]


def test_a_refitted_head_tells_its_own_labels_from_texts_that_none_fits(project: Project) -> None:
    serving = ServingConfig(scope_recall=0.9)
    careful = replace(project, config=project.config.model_copy(update={"serving": serving}))
    plan = plan_of(careful)
    refit_bundle(careful, plan)

    predictor = Predictor.load(fetch_bundle(careful, plan))

    known = predictor.predict([row["text"] for row in rows_of(40, start=60)])
    assert sum(one.abstained is None for one in known) >= 30
    odd = predictor.predict(["退款什么时候到账", "anna cafe acme", "? ? ?"])
    assert [str(one.abstained) for one in odd] == ["out of scope"] * 3
    assert plan.key != plan_of(project).key  # other limits make another version
    assert predictor.facts.schema == SCHEMA


def test_publishing_it_uploads_a_head_and_facts_and_no_encoder(project: Project) -> None:
    plan = plan_of(project)
    blobs = {info.key for info in project.store.list(layout.BLOBS)}
    refit_bundle(project, plan)
    score_challenger(project, plan)
    verdict = judge_challenger(project, plan, None)

    register_challenger(project, plan, verdict, card="# a card\n")

    new = [info for info in project.store.list(layout.BLOBS) if info.key not in blobs]
    encoder = next(file for file in load_manifest(project.registry, plan.version).files if file.path == "encoder.onnx")
    assert layout.blob(encoder.sha256) in blobs
    own = [info for info in project.store.list(layout.step(plan.key, "")) if "/blobs/" in info.key]
    assert sum(info.size for info in (*new, *own)) < 10_000
    assert verdict.outcome is Outcome.PROMOTE


def test_its_page_says_whose_encoder_it_stands_on(project: Project) -> None:
    plan = plan_of(project)
    refit_bundle(project, plan)
    score_challenger(project, plan)
    verdict = judge_challenger(project, plan, None)

    page = publish_run_page(project, plan, describe_run(project, plan, verdict, trigger="a test", now=NOW))

    assert f"on the encoder of {BASE}" in page.markdown


def test_each_text_is_embedded_once(project: Project) -> None:
    refit_bundle(project, plan_of(project))
    first = stored_vectors(project)
    drop(project, "more.jsonl", rows_of(30, start=100, third=True))

    refit_bundle(project, plan_of(project))

    second = stored_vectors(project)
    assert len(first) == 1
    assert len(second) == 2
    assert second.items() > first.items()


def test_a_new_label_is_known_to_the_new_head(project: Project) -> None:
    drop(project, "more.jsonl", rows_of(90, start=100, third=True))
    plan = plan_of(project)

    refit_bundle(project, plan)

    predictor = Predictor.load(fetch_bundle(project, plan))
    assert predictor.facts.labels == ("greeting", *LABELS)
    assert predictor.predict(["hello there cafe 101"])[0].answer.target == "greeting"


@pytest.mark.parametrize("damage", [b"", b"PAR1 nothing", b"\x00" * 400])
def test_stored_vectors_that_are_damaged_are_made_anew(project: Project, damage: bytes) -> None:
    plan = plan_of(project)
    refit_bundle(project, plan)
    ((key, etag),) = stored_vectors(project).items()
    project.store.put(key, damage)
    (batch,) = load_snapshot(project.store, SnapshotRef(plan.snapshot)).batches

    rows = embed_batch(project.store, batch, Predictor.load(fetch_bundle(project, plan)))

    assert stored_vectors(project)[key] == etag
    assert all(row.vectors.shape == (1, 32) for row in rows)
    assert {row.sample.split for row in rows} <= {Split.TRAIN, Split.TUNE}


def test_what_was_forgotten_is_in_no_stored_vector_and_not_in_the_head(project: Project) -> None:
    plan = plan_of(project)
    refit_bundle(project, plan)
    before = set(stored_vectors(project))
    gone = load_samples(project.store, SnapshotRef(plan.snapshot), {Split.TRAIN})[0].row_id
    forget(project.store, project.config, Selection(row_ids=frozenset({gone})), who="ada", now=NOW)
    assert before.isdisjoint(stored_vectors(project))

    again = plan_of(project)
    refit_bundle(project, again)

    assert again.key != plan.key
    head = (fetch_bundle(project, again) / "head.onnx").read_bytes()
    assert head != (fetch_bundle(project, plan) / "head.onnx").read_bytes()


def test_a_head_beside_another_encoder_is_refused(project: Project, word_bundle: Path) -> None:
    plan = plan_of(project)
    refit_bundle(project, plan)
    publish_version(project.registry, "v-other", word_bundle, facts={})

    with pytest.raises(BundleDamaged, match=r"the head was fitted to another one than that of v-other"):
        fetch_bundle(project, replace(plan, head_of="v-other"))


def test_refitting_is_done_once(project: Project) -> None:
    plan = plan_of(project)

    first = refit_bundle(project, plan)

    assert refit_bundle(project, plan).digest == first.digest


def test_a_plan_of_a_head_is_another_than_that_of_a_retrain(project: Project) -> None:
    snapshot = take_snapshot(project.store, project.config).digest
    whole = plan_retrain(project, snapshot)

    assert plan_of(project).key != whole.key
    assert (plan_of(project).head_of, whole.head_of) == (BASE, None)


def test_without_a_version_there_is_no_encoder_to_keep(project: Project) -> None:
    with pytest.raises(NoEncoderToKeep, match=r"tickets has no champion yet.*fsl retrain, without --head-only"):
        refit_bundle(project, plan_retrain(project, take_snapshot(project.store, project.config).digest))


def test_rows_of_one_label_make_no_head_and_write_nothing(project: Project, text_bundle: Path, tmp_path: Path) -> None:
    (batch,) = load_snapshot(project.store, SnapshotRef(plan_of(project).snapshot)).batches
    rows = embed_batch(project.store, batch, Predictor.load(text_bundle))
    alike = [row for row in rows if row.sample.target == "parcel"]
    (tmp_path / "out").mkdir()

    with pytest.raises(TooFewLabelsForHead, match=r"too few labels to fit a head: 'parcel'\. Drop labelled rows"):
        write_refitted(text_bundle, alike, project.problem, tmp_path / "out", seed=0)

    assert not list((tmp_path / "out").iterdir())


def test_spans_get_a_new_head_word_by_word(word_bundle: Path, tmp_path: Path) -> None:
    from fsl.problems import find_problem
    from fsl.runs.embeddings import EmbeddedRow
    from fsl.samples import Sample

    predictor, problem = Predictor.load(word_bundle), find_problem("tagging")
    samples = [
        Sample(f"{row}", f"acme {letter} anna", [[0, 4, "ORG"], [7, 11, "PER"]], Split.TRAIN, f"{row}")
        for row, letter in enumerate("abcdefgh")
    ]
    encoded = predictor.read([sample.text for sample in samples])
    vectors = [own.astype("float16") for own in predictor.embed(encoded)]
    rows = [EmbeddedRow(sample, one.units, own) for sample, one, own in zip(samples, encoded, vectors, strict=True)]

    write_refitted(word_bundle, rows, problem, tmp_path, seed=0)
    for name in ("encoder.onnx", "tokenizer.json"):
        shutil.copyfile(word_bundle / name, tmp_path / name)

    assert Predictor.load(tmp_path).predict(["acme z anna"])[0].answer.target == [[0, 4, "ORG"], [7, 11, "PER"]]


def test_a_head_that_half_precision_would_change_is_written_in_full(project: Project, text_bundle: Path) -> None:
    (batch,) = load_snapshot(project.store, SnapshotRef(plan_of(project).snapshot)).batches
    rows = embed_batch(project.store, batch, Predictor.load(text_bundle))

    def write(name: str, **export: float) -> dict[str, Any]:
        folder = project.cache / name
        folder.mkdir(parents=True)
        return dict(write_refitted(text_bundle, rows, project.problem, folder, seed=0, export=ExportConfig(**export)))

    half = write("half", max_logit_error=10.0)
    error = half["head_parity"]["logit_error"]
    full = write("full", max_logit_error=error / 2)

    assert full["head_parity"]["logit_error"] <= error / 2
    assert full["head_bytes"] > half["head_bytes"]
    with pytest.raises(ExportNotFaithful, match=r"export\.max_logit_error\) on 'the vectors of train rows'"):
        write("none", max_logit_error=1e-12)


def test_a_new_heads_version_says_how_near_its_graph_is_to_the_fit(project: Project) -> None:
    facts = dict(refit_bundle(project, plan_of(project)).facts)

    assert 0.0 <= facts["head_parity"]["probability_error"] <= ExportConfig().max_parity_error
    assert 0.0 < facts["head_parity"]["logit_error"] <= ExportConfig().max_logit_error
