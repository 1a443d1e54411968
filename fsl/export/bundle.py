"""Building a bundle from a student: graphs, parity, int8 where it holds, facts."""

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from fsl.config import ExportConfig, ServingConfig
from fsl.export.fusing import fuse_encoder
from fsl.export.graphs import export_encoder
from fsl.export.heads import build_head
from fsl.export.int8 import HALF, RECIPES, Trial, choose_recipe
from fsl.export.limits import NONE_FOUND, FoundLimits, write_head
from fsl.export.parity import Parity, ask_awkward, compare_bundles, measure_batching, measure_parity
from fsl.export.thresholds import FoundThresholds, choose_thresholds
from fsl.learning.refitting import LabelledVectors
from fsl.learning.student import Student
from fsl.problems.base import Problem, picks_one
from fsl.samples import Sample, Split
from fsl.serving.bundle import ENCODER, HEAD, TOKENIZER, BundleFacts, Precision, read_facts, write_facts
from fsl.serving.predictor import Predictor

log = logging.getLogger(__name__)

_ENOUGH_TEXTS = 2000  # as many as the limits were thought out for


@dataclass(frozen=True)
class ExportReport:
    """What became of the student on its way to the bundle."""

    parity: Parity  # torch to fp32 ONNX
    fused: bool
    precision: Precision
    reason: str
    fp32_bytes: int
    served_bytes: int
    trials: tuple[Trial, ...]  # the one that ships last
    batching: Parity  # what ships, each text alone and beside others
    int8_parity: Parity | None = None  # fp32 to what ships, on awkward texts
    limits: FoundLimits = NONE_FOUND
    thresholds: FoundThresholds | None = None  # None: labels compete, so there are none

    def to_json(self) -> dict[str, JsonValue]:
        """Return what a version's manifest keeps of it."""
        return {
            "parity_error": self.parity.probability_error,
            "parity": self.parity.to_json(),
            "batching": self.batching.to_json(),
            "int8_parity": self.int8_parity.to_json() if self.int8_parity else None,
            "fused": self.fused,
            "precision": self.precision,
            "reason": self.reason,
            "fp32_bytes": self.fp32_bytes,
            "served_bytes": self.served_bytes,
            "trials": [trial.to_json() for trial in self.trials],
            "limits": self.limits.to_json(),
            "thresholds": self.thresholds.to_json() if self.thresholds else None,
        }


def build_bundle(
    student: Student,
    texts: Sequence[str],
    problem: Problem,
    config: ExportConfig,
    folder: Path,
    *,
    labelled: Sequence[Sample] = (),
    serving: ServingConfig = ServingConfig(),  # noqa: B008 - frozen
) -> ExportReport:
    """Write a complete bundle into an empty folder.

    Args:
        texts: unlabelled texts and tune rows, on which parity and int8 are measured; never judge rows.
        labelled: train rows, whose vectors tell what is in scope, and tune rows, which choose limits and thresholds.

    Raises:
        ExportNotFaithful: the graphs do not compute what was trained.
    """
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "bundle"
        work.mkdir()
        plain = Path(scratch) / ENCODER
        export_encoder(student.network, plain)
        fused = fuse_encoder(plain, work / ENCODER)
        build_head(student.head, work / HEAD)
        shutil.copyfile(student.tokenizer_file, work / TOKENIZER)
        _write_facts(work, student, problem, "float32")
        parity = measure_parity(student, work, texts, config)
        fp32_bytes = _size(work)
        before = Predictor.load(work)
        thresholds = None
        if problem.activation == "sigmoid":
            thresholds = _find_thresholds(student, labelled, problem, before)
            _write_facts(work, student, problem, "float32", found=thresholds)
            before = Predictor.load(work)
        trials, chosen = _try_smaller(before, texts[: config.max_texts], config, work)
        int8_parity = None
        precision: Precision = ("float16" if config.float16 else "int8") if chosen else "float32"
        if chosen:
            _write_facts(work, student, problem, precision, batched=chosen.batched, found=thresholds)
            int8_parity = compare_bundles(ask_awkward(before, texts), Predictor.load(work))
        batching = measure_batching(Predictor.load(work), texts, config)
        limits = NONE_FOUND
        if picks_one(problem):
            limits = _set_limits(student, labelled, problem, serving, work)
        shutil.copytree(work, folder, dirs_exist_ok=True)
    reason = _reason(trials, chosen, config)
    report = ExportReport(
        parity,
        fused,
        precision,
        reason,
        fp32_bytes,
        _size(folder),
        tuple(trials),
        batching,
        int8_parity,
        limits,
        thresholds,
    )
    log.info("bundle: %s, %d bytes, %s", precision, report.served_bytes, report.reason)
    return report


def _try_smaller(
    fp32: Predictor, texts: Sequence[str], config: ExportConfig, work: Path
) -> tuple[list[Trial], Trial | None]:
    if not (config.int8 or config.float16) or not texts:
        return [], None
    answers = [prediction.answer.target for prediction in fp32.predict(texts)]
    return choose_recipe(answers, work, texts, config, recipes=HALF if config.float16 else RECIPES)


def _find_thresholds(
    student: Student, labelled: Sequence[Sample], problem: Problem, fp32: Predictor
) -> FoundThresholds:
    """Choose thresholds before int8 is tried, so that its answers are held against those that are given."""
    known = set(student.labels)
    tune = [row for row in labelled if row.split == Split.TUNE and known.issuperset(problem.labels_in(row.target))]
    encoded = fp32.read([row.text for row in tune])
    none = np.empty((0, len(fp32.outputs)))
    probabilities = np.concatenate([none, *(fp32.judge(vectors)[0] for vectors in fp32.embed(encoded))])
    targets = [
        problem.unit_targets(row.target, one.units, fp32.outputs) for row, one in zip(tune, encoded, strict=True)
    ]
    return choose_thresholds(probabilities, np.concatenate([none.astype(np.int64), *targets]), fp32.outputs)


def _set_limits(
    student: Student, labelled: Sequence[Sample], problem: Problem, serving: ServingConfig, work: Path
) -> FoundLimits:
    """Finish the head with what the encoder that ships makes of labelled rows."""
    predictor = Predictor.load(work)
    known = [row for row in labelled if set(problem.labels_in(row.target)) <= set(student.labels)]
    train, tune = (
        _embed_rows([row for row in known if row.split == split], predictor) for split in (Split.TRAIN, Split.TUNE)
    )
    found = write_head(work, student.head, train, tune, serving)
    write_facts(work, replace(read_facts(work), limits=found.limits))
    return found


def _embed_rows(rows: Sequence[Sample], predictor: Predictor) -> LabelledVectors:
    targets = np.array([predictor.outputs.index(str(row.target)) for row in rows], np.int64)
    vectors = predictor.embed(predictor.read([row.text for row in rows]))
    none = np.empty((0, predictor.hidden_size), np.float32)
    return LabelledVectors(np.concatenate([none, *vectors]), targets, np.arange(len(rows)))


def _reason(trials: Sequence[Trial], chosen: Trial | None, config: ExportConfig) -> str:
    if chosen:
        few = "" if chosen.n_texts >= _ENOUGH_TEXTS else f"; {_ENOUGH_TEXTS} texts would bring the bound closer"
        return (
            f"{chosen.recipe}: {chosen.n_changed} of {chosen.n_texts} answers changed "
            f"(upper bound {chosen.upper_bound:.1%}, allowed {config.max_disagreement:.1%}{few})"
        )
    if not trials:
        return "int8 was not tried" if config.int8 or config.float16 else "int8 is off in the config"
    kind = "half precision" if config.float16 else "int8 recipe"
    best = min(trials, key=lambda trial: (trial.upper_bound, trial.disagreement))
    few = f": {best.n_texts} texts can show no less" if best.n_texts > 0 and best.n_changed == 0 else ""
    return (
        f"no {kind} held {config.max_disagreement:.1%}; the nearest, {best.recipe}, changed "
        f"{best.n_changed} of {best.n_texts} answers (upper bound {best.upper_bound:.1%}{few})"
    )


def _write_facts(
    folder: Path,
    student: Student,
    problem: Problem,
    precision: Precision,
    *,
    batched: bool = False,
    found: FoundThresholds | None = None,
) -> None:
    with (folder / ENCODER).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = BundleFacts(
        problem.kind,
        student.labels,
        digest,
        precision,
        student.max_length_tokens,
        batched=batched,
        max_windows=student.max_windows,
    )
    write_facts(folder, replace(facts, thresholds=found.thresholds) if found else facts)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
