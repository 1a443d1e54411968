"""A project with two judged versions, made without training: an exported bundle whose head was fitted anew."""

import dataclasses
import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue

from fsl.config import ExportConfig, GateConfig, LearningConfig, RunConfig, StoreConfig
from fsl.config.file import as_yaml
from fsl.data.intake import ingest_object
from fsl.data.snapshots import SnapshotRef, load_samples, take_snapshot
from fsl.evaluation.ruling.verdict import Verdict
from fsl.project import Project, connect, push_config
from fsl.promotion.promote import judge_challenger, register_challenger, score_challenger, score_champion
from fsl.runs.run_page import describe_run, publish_run_page
from fsl.runs.steps import RetrainPlan, finish_step, plan_retrain
from fsl.samples import Sample, Split
from fsl.serving.bundle import read_facts, write_facts
from fsl.store import layout
from fsl.store.embedded.server import Endpoint
from fsl.store.objects import ObjectStore
from fsl.workspace import store_environment

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LABELS = ("parcel", "refund")


@dataclass(frozen=True)
class Trial:
    """A project under test, and how to make versions in it."""

    project: Project
    bundle: Path

    def under(self, **gate: JsonValue) -> "Trial":
        """The same project with other values in its gate."""
        config = self.project.config.model_copy(
            update={"gate": GateConfig.model_validate({**self.project.config.gate.model_dump(), **gate})}
        )
        return Trial(dataclasses.replace(self.project, config=config), self.bundle)

    def drop(self, n_rows: int, words: str) -> RetrainPlan:
        """Accept rows of both labels, and plan a retrain of everything."""
        told = [("refund money", "refund"), ("where parcel", "parcel")]
        rows = [{"text": f"{told[n % 2][0]} {words} {n}", "label": told[n % 2][1]} for n in range(n_rows)]
        key = layout.inbox(f"{words}.jsonl")
        self.project.store.put(key, "".join(f"{json.dumps(row)}\n" for row in rows).encode())
        ingest_object(self.project.store, self.project.config, key, now=NOW)
        return plan_retrain(self.project, take_snapshot(self.project.store, self.project.config).digest)

    def finish(self, plan: RetrainPlan, *, mixed_up: float = 0.0) -> None:
        """Leave what the steps of a retrain leave; `mixed_up` is the share of train rows with the wrong label."""
        train = load_samples(self.project.store, SnapshotRef(plan.snapshot), {Split.TRAIN})

        def bundle(folder: Path) -> Mapping[str, JsonValue]:
            shutil.copytree(self.bundle, folder, dirs_exist_ok=True)
            _fit_head(folder, train, mixed_up)
            return {"precision": "float32", "trials": [], "fp32_bytes": 9_000_000, "served_bytes": 9_000_000}

        def student(folder: Path) -> Mapping[str, JsonValue]:
            candidate = {"name": "probe", "log_likelihoods": [-0.5, -0.25], "cost_seconds": 2.0}
            choice = {"winner": "probe", "reason": "it was told to"}
            facts = {"candidates": [candidate], "choice": choice}
            (folder / "student.json").write_text(json.dumps(facts), encoding="utf-8")
            return {}

        finish_step(self.project, plan.key, "teacher", lambda folder: _leave(folder, {"n_pool": 7}))
        finish_step(self.project, plan.key, "student", student)
        finish_step(self.project, plan.key, "bundle", bundle)

    def judge(self, plan: RetrainPlan, champion: str | None = None) -> Verdict:
        """Score, judge, publish the page and register, as the flow does."""
        score_challenger(self.project, plan)
        if champion is not None:
            score_champion(self.project, plan, champion)
        verdict = judge_challenger(self.project, plan, champion)
        report = describe_run(self.project, plan, verdict, trigger="a test", now=NOW)
        register_challenger(self.project, plan, verdict, publish_run_page(self.project, plan, report).card)
        return verdict


def _leave(folder: Path, facts: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    (folder / "left.json").write_text("{}", encoding="utf-8")
    return facts


def _fit_head(folder: Path, train: list[Sample], mixed_up: float) -> None:
    import numpy as np

    from fsl.export.heads import build_head
    from fsl.learning.heads import fit_probe
    from fsl.serving.predictor import Predictor

    vectors = np.stack([one.embedding for one in Predictor.load(folder).predict([row.text for row in train])])
    targets = np.array([LABELS.index(str(row.target)) for row in train])
    wrong = np.random.default_rng(0).random(len(targets)) < mixed_up
    build_head(fit_probe(vectors, np.where(wrong, 1 - targets, targets), 2, seed=0), folder / "head.onnx")
    write_facts(folder, dataclasses.replace(read_facts(folder), labels=LABELS))


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `fsl` remembers of the store between tests: that it honours create-only writes, for one."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def trial(
    shared_cache: Path,
    bucket_store: ObjectStore,
    store_config: StoreConfig,
    s3: Endpoint,
    tiny_learning: LearningConfig,
    text_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Trial:
    """An empty project in a workspace that the working directory is."""
    for key, value in store_environment(store_config, s3.credentials).items():
        monkeypatch.delenv(key, raising=False) if value is None else monkeypatch.setenv(key, value)
    monkeypatch.setenv("FSL_CACHE_DIR", str(shared_cache))
    config = RunConfig(
        project=f"verdicts-{uuid.uuid4().hex[:12]}",
        learning=tiny_learning,
        export=ExportConfig(int8=False),
        # How fast this machine is when tests run side by side is nothing that a test may hang on.
        gate=GateConfig(max_latency_p95_ms=10_000.0, robustness_texts=4),
    )
    store = connect(store_config, config.project)
    push_config(config, store, split_key="5" * 64)
    (tmp_path / "fsl.yaml").write_text(as_yaml(config), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return Trial(Project(config.project, store, config, tmp_path / "cache"), text_bundle)


@pytest.fixture
def fsl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run a verb in the working directory; returns its exit status, and all it said on one line."""
    import sys

    from fsl.cli import app

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["fsl", *arguments])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            app()
        captured = capsys.readouterr()
        return int(str(ended.value.code or 0)), " ".join((captured.out + captured.err).split())

    return run
