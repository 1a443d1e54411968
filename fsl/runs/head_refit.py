"""The head-only retrain: a new bundle in seconds, of which only `head.onnx` and the labels are new.

It goes through the same plan, gate and registry as any other version: what it makes is the bundle of its plan. The
encoder is that of the version that the plan names, so its file is stored already, and kilobytes are uploaded.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from fsl.config import ExportConfig, ServingConfig
from fsl.data.snapshots import SnapshotRef, load_snapshot
from fsl.errors import FslError
from fsl.export.head_parity import is_faithful, measure_head, require_faithful
from fsl.export.heads import build_head
from fsl.export.limits import NONE_FOUND, FoundLimits, write_head
from fsl.export.thresholds import FoundThresholds, choose_thresholds
from fsl.learning.heads import Head
from fsl.learning.refitting import LabelledVectors, refit_head
from fsl.problems.base import Problem, picks_one
from fsl.project import Project
from fsl.runs.embeddings import EmbeddedRow, embed_batch
from fsl.runs.steps import RetrainPlan, finish_step
from fsl.samples import Split
from fsl.serving.bundle import ENCODER, FACTS, HEAD, SCHEMA, TOKENIZER, read_facts, write_facts
from fsl.serving.predictor import Predictor
from fsl.store.registry import Manifest, fetch_version, load_manifest

log = logging.getLogger(__name__)

_SPLITS = (Split.TRAIN, Split.TUNE)


@dataclass(eq=False)
class NoEncoderToKeep(FslError):
    """There is no version whose encoder a new head could stand on."""

    project: str

    def __str__(self) -> str:
        return (
            f"{self.project} has no champion yet, so there is no encoder to fit a head to. "
            f"Train one first: fsl retrain, without --head-only"
        )


@dataclass(eq=False)
class TooFewLabelsForHead(FslError):
    """What is left of the rows tells nothing apart."""

    labels: tuple[str, ...]
    n_rows: int

    def __str__(self) -> str:
        shown = ", ".join(map(repr, self.labels[:5])) or "none"
        return (
            f"the {self.n_rows} train rows show too few labels to fit a head: {shown}. "
            f"Drop labelled rows of another label: fsl ingest FILE"
        )


def refit_bundle(project: Project, plan: RetrainPlan) -> Manifest:
    """Fit the head of a head-only plan to its encoder's vectors of all rows. Doing it again is harmless.

    Only head and facts are stored; `fsl.runs.bundles.fetch_bundle` gives the whole.

    Raises:
        NoEncoderToKeep: the plan names no version.
        TooFewLabelsForHead: the train rows show fewer than two labels.
    """
    if plan.head_of is None:
        raise NoEncoderToKeep(project.name)
    version = plan.head_of

    def make(folder: Path) -> Mapping[str, JsonValue]:
        started = time.monotonic()
        source = fetch_version(project.registry, version, project.cache)
        predictor = Predictor.load(source)
        batches = load_snapshot(project.store, SnapshotRef(plan.snapshot)).batches
        rows = [row for batch in batches for row in embed_batch(project.store, batch, predictor)]
        facts = write_refitted(
            source,
            rows,
            project.problem,
            folder,
            seed=project.config.learning.seed,
            serving=plan.config.serving,
            export=plan.config.export,
        )
        export = load_manifest(project.registry, version).facts.get("export")
        kept = export if isinstance(export, dict) else {}
        return {
            **kept,
            **facts,
            "head_of": version,
            "served_bytes": _size(folder) + _size(source, ENCODER, TOKENIZER),
            "fit_seconds": time.monotonic() - started,
        }

    return finish_step(project, plan.key, "bundle", make)


def write_refitted(
    source: Path,
    rows: Sequence[EmbeddedRow],
    problem: Problem,
    folder: Path,
    *,
    seed: int,
    serving: ServingConfig = ServingConfig(),  # noqa: B008 - frozen
    export: ExportConfig = ExportConfig(),  # noqa: B008 - frozen
) -> Mapping[str, JsonValue]:
    """Write the head fitted to these rows, and the facts of the bundle that it makes; return what is known of it.

    Raises:
        TooFewLabelsForHead: the train rows show fewer than two labels.
        ExportNotFaithful: the graph does not answer as the head that was fitted.
    """
    labels = tuple(sorted({label for row in rows if _is_train(row) for label in problem.labels_in(row.sample.target)}))
    n_train = sum(map(_is_train, rows))
    if len(labels) < problem.min_labels:
        raise TooFewLabelsForHead(labels, n_train)
    outputs = problem.outputs(labels)
    known = [row for row in rows if set(problem.labels_in(row.sample.target)) <= set(labels)]
    train, tune = (_stack([row for row in known if row.sample.split == split], problem, outputs) for split in _SPLITS)
    head = refit_head(train, tune, len(outputs), seed=seed)
    found, parity = _write_head(head, folder, train, tune, problem, serving, export)
    chosen = _choose_thresholds(head, tune, outputs) if problem.activation == "sigmoid" else None
    facts = replace(read_facts(source), labels=labels, limits=found.limits, schema=SCHEMA)
    write_facts(folder, replace(facts, thresholds=chosen.thresholds if chosen else ()))
    size = (folder / HEAD).stat().st_size
    log.info("head: %d labels, %d train rows, %d bytes", len(labels), n_train, size)
    return {
        "n_train": n_train,
        "labels": list(labels),
        "head_bytes": size,
        "head_parity": {"probability_error": parity[0], "logit_error": parity[1]},
        "limits": found.to_json(),
        "thresholds": chosen.to_json() if chosen else None,
    }


def _choose_thresholds(head: Head, tune: LabelledVectors, outputs: Sequence[str]) -> FoundThresholds:
    vectors = tune.vectors if len(tune.texts) else np.empty((0, len(head.weight)), np.float32)
    return choose_thresholds(np.exp(head.log_probabilities(vectors)), tune.targets, outputs)


def _write_head(
    head: Head,
    folder: Path,
    train: LabelledVectors,
    tune: LabelledVectors,
    problem: Problem,
    serving: ServingConfig,
    export: ExportConfig,
) -> tuple[FoundLimits, tuple[float, float]]:
    """Write the graph in float16 where it then answers as the fitted head, else in full."""
    found, errors = NONE_FOUND, (math.inf, math.inf)
    for half in (True, False):
        if picks_one(problem):
            found = write_head(folder, head, train, tune, serving, half=half)
        else:
            build_head(head, folder / HEAD, half=half)
        errors = measure_head(head, folder, train.vectors)
        if is_faithful(errors, export):
            return found, errors
    require_faithful(errors, export)
    return found, errors


def _stack(rows: Sequence[EmbeddedRow], problem: Problem, outputs: Sequence[str]) -> LabelledVectors:
    targets = [problem.unit_targets(row.sample.target, row.units, outputs) for row in rows]
    if not rows:
        return LabelledVectors(np.empty((0, 1), np.float32), np.empty(0, np.int64), np.empty(0, np.int64))
    texts = np.repeat(np.arange(len(rows)), [len(row.vectors) for row in rows])
    vectors = np.concatenate([row.vectors for row in rows]).astype(np.float32)
    return LabelledVectors(vectors, np.concatenate(targets), texts)


def _size(folder: Path, *names: str) -> int:
    return sum((folder / name).stat().st_size for name in names or (HEAD, FACTS))


def _is_train(row: EmbeddedRow) -> bool:
    return row.sample.split == Split.TRAIN
