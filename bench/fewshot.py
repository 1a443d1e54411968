"""Few-shot students on public intent and mood sets: the exported int8 bundle on official test rows, beside the probe.

A cell is one draw of one setting. What a recipe is made of was chosen on rows held out from train parts; test rows are
scored here, once. Where a cell was not measured yet, the table says so.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bench.cells import Facts, chosen_begins, digest_of, find_cell, machine
from bench.parts.public_data import data_folder, not_measured
from bench.parts.students.draws import DataSet, Draw, data_digest, draw_shots, load_set
from bench.parts.students.remembering import Memory
from bench.parts.students.tables import write_section
from bench.parts.students.teacher_files import teacher_folder
from fsl.config import (
    AdapterConfig,
    DistillationConfig,
    EncoderConfig,
    ExportConfig,
    LearningConfig,
    PropagationConfig,
    TeacherConfig,
    TrainingConfig,
)

N_DRAWS = 5


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    data: str
    n_shots: int
    pool: str  # "rest of train", "none", or "noisy": at natural imbalance, a fifth of it out of scope
    aim: float

    @property
    def name(self) -> str:
        return f"{self.data}-{self.n_shots}-{self.pool.replace(' ', '-')}"


SETTINGS = (
    Setting("banking77", 10, "rest of train", 91.5),
    Setting("banking77", 5, "rest of train", 89.0),
    Setting("financial_phrasebank", 32, "rest of train", 80.0),
    Setting("financial_phrasebank", 8, "rest of train", 72.0),
    Setting("clinc150", 10, "rest of train", 95.0),
    Setting("clinc150", 5, "rest of train", 93.5),
    Setting("banking77", 10, "none", 87.5),
    Setting("banking77", 5, "none", 82.0),
    Setting("banking77", 10, "noisy", 91.5),
    Setting("banking77", 5, "noisy", 89.0),
)
# CLINC150 is made of as many texts of every intent, and its in-scope pool with it; of moods nobody knows.
PRIORS: dict[str, Literal["balanced", "none"]] = {"clinc150": "balanced", "financial_phrasebank": "none"}
LEARNERS = ("probe", "probe on mpnet", "distilled")


def recipe(setting: Setting, teacher: str) -> LearningConfig:
    """Return how a student is made here: chosen on rows held out from the train parts (docs/learning.md)."""
    are_moods = setting.data == "financial_phrasebank"
    # Topics lie apart in mpnet's own vectors; moods do not, so it is adapted, in steps of few rows: there are few.
    moods = TeacherConfig(epochs=10, learning_rate=5e-5, batch_size=8)
    return LearningConfig(
        encoder=EncoderConfig(teacher=teacher),
        adapter=AdapterConfig(method="full"),
        teacher=moods if are_moods else TeacherConfig(epochs=0),
        student=_training(setting.pool),
        propagation=PropagationConfig(
            # Banking77's near labels are told apart by neighbours; CLINC150's lie so far apart that they only blur.
            n_neighbours=0 if setting.data == "clinc150" else 8,
            prior=PRIORS.get(setting.data, "even"),
        ),
        distillation=DistillationConfig(
            head="cosine", temperature=1.0, sharpening=2.0, min_pool_confidence=0.0, rounds=1 if are_moods else 2
        ),
        label_names="off" if are_moods else "auto",  # "positive" says how a text sounds, not what it is about
        budget_minutes=0.0,
    )


def _training(pool: str) -> TrainingConfig:
    if pool == "none":  # an epoch is a dozen steps: of 3, 10 and 20 on one draw 85.5, 86.6 and 86.5% held out
        return TrainingConfig(epochs=10, learning_rate=1.5e-4, batch_size=64, dropout=0.0, mixup=0.2)
    return TrainingConfig(epochs=3, learning_rate=1.5e-4, batch_size=64, dropout=0.0)


def run(*, quick: bool) -> str:
    """Measure what is missing, and return the section of docs/benchmarks.md."""
    if not data_folder().is_dir():
        return not_measured("Few shots", data_folder())
    if quick:
        return _quick()
    begins, found = chosen_begins(), dict[tuple[str, str], list[Facts]]()
    for draw in range(N_DRAWS):
        for learner in LEARNERS:
            for setting in SETTINGS:
                facts = _cell(setting, learner, draw, begins)
                if facts is not None:
                    found.setdefault((setting.name, learner), []).append(facts)
    return write_section(list(SETTINGS), found)


def _quick() -> str:
    """Measure one small draw from end to end, nothing kept."""
    setting, name = Setting("banking77", 3, "rest of train", 0.0), EncoderConfig().teachers[0]
    with tempfile.TemporaryDirectory() as scratch:
        found = {
            (setting.name, learner): [
                _measure(setting, learner, 0, n_labels=4, most=60, teacher=name, folder=Path(scratch))
            ]
            for learner in ("probe", "distilled")
        }
    return write_section([setting], found)


def _cell(setting: Setting, learner: str, draw: int, begins: Sequence[str]) -> Facts | None:
    # A probe sees no pool, so its cells are named, and measured, once for all pools.
    about = setting.name if learner == "distilled" else f"{setting.data}-{setting.n_shots}"
    name = f"{learner.replace(' ', '-')}-{about}-{draw}"
    measure: Callable[[], Facts] = lambda: _measure(setting, learner, draw)  # noqa: E731
    return find_cell("fewshot", name, measure, of=_measured(setting, learner), begins=begins)


def _measured(setting: Setting, learner: str) -> Facts:
    """Say what a cell holds: of another recipe, of other data or of an older step it is measured again."""
    from fsl.runs.steps import STEP_VERSIONS

    if learner == "distilled":
        config = recipe(setting, "all-mpnet-base-v2").model_dump(mode="json", exclude_defaults=True)
        return {"recipe": digest_of(config), "data": data_digest(setting.data), "steps": dict(STEP_VERSIONS)}
    return {"head": STEP_VERSIONS["student"], "data": data_digest(setting.data)}


def _measure(
    setting: Setting,
    learner: str,
    draw: int,
    *,
    n_labels: int | None = None,
    most: int | None = None,
    teacher: str | None = None,
    folder: Path | None = None,
) -> Facts:
    data = load_set(setting.data, n_labels=n_labels, most=most)
    rows = draw_shots(data, setting.n_shots, draw, pool=setting.pool)
    # The noisy pool comes later and shares the teacher, which is asked about its texts in the same go.
    has_noisy = teacher is None and setting.data == "banking77"
    also = draw_shots(data, setting.n_shots, draw, pool="noisy").pool if has_noisy else ()
    memory = Memory(setting.data, also, folder=folder)
    started, worked = time.monotonic(), time.process_time()
    if learner == "distilled":
        answers, facts = _distilled(data, rows, setting, teacher or str(teacher_folder()), memory)
    else:
        answers, facts = _probe(data, rows, learner, memory)
    right = np.array([answer == truth for answer, (_, truth) in zip(answers, data.test, strict=True)])
    return {
        **facts,
        "draw": draw,
        "n_train": len(rows.train),
        "n_pool": len(rows.pool),
        "accuracy": float(right.mean()),
        "macro_f1": _macro_f1(answers, [truth for _, truth in data.test]),
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - worked,
        "machine": machine(),
    }


def _probe(data: DataSet, rows: Draw, learner: str, memory: Memory) -> tuple[list[str], Facts]:
    from fsl.learning.encoders import load_encoder
    from fsl.learning.heads import choose_head

    name = str(teacher_folder()) if learner.endswith("mpnet") else EncoderConfig().student
    encoder = load_encoder(EncoderConfig(student=name), role="student", unit="text")
    reader = encoder.reader("text")
    texts = [sample.text for sample in rows.train] + [text for text, _ in data.test]
    vectors = memory.embed(encoder.network, reader, reader.read(texts), bfloat16=name != EncoderConfig().student)
    labels = sorted({str(sample.target) for sample in rows.train})
    targets = np.array([labels.index(str(sample.target)) for sample in rows.train])
    chosen = choose_head(vectors[: len(targets)], targets, len(labels), seed=17)
    best = chosen.head.logits(vectors[len(targets) :]).argmax(1)
    return [labels[int(place)] for place in best], {"reason": chosen.reason}


def _distilled(data: DataSet, rows: Draw, setting: Setting, teacher: str, memory: Memory) -> tuple[list[str], Facts]:
    from fsl.export.bundle import build_bundle
    from fsl.learning.encoders import load_encoder
    from fsl.learning.selection.choice import Choice
    from fsl.learning.student import Student, distil
    from fsl.learning.teacher import adapt_teacher
    from fsl.problems import find_problem
    from fsl.serving.predictor import Predictor

    config, problem = recipe(setting, teacher), find_problem("classification")
    started = time.process_time()
    soft = adapt_teacher(
        rows.train, [], rows.pool, problem, config, where="a draw", consult=memory.consult, embed=memory.embed
    )
    taught = time.process_time()
    fitted = distil(rows.train, [], rows.pool, soft, problem, config)
    trained = time.process_time()
    base = load_encoder(config.encoder, role="student", unit="text")
    student = Student(
        fitted.network,
        fitted.head,
        soft.labels,
        base.name,
        base.tokenizer_file,
        base.max_length_tokens,
        (fitted.result,),
        Choice("distilled", "the bench asked for it"),
    )
    with tempfile.TemporaryDirectory() as scratch:
        texts = [sample.text for sample in (*rows.pool, *rows.train)][:2000]
        report = build_bundle(student, texts, problem, ExportConfig(max_disagreement=0.05), Path(scratch))
        predictor = Predictor.load(Path(scratch))
        answers = [str(one.answer.target) for one in predictor.predict([text for text, _ in data.test])]
    truth = rows.pool_labels
    said = [soft.labels[int(soft.by_row[sample.row_id][0].argmax())] for sample in rows.pool]
    known = [one == right for one, right in zip(said, truth, strict=True) if right is not None]
    return answers, {
        "teacher_cpu_seconds": taught - started + memory.saved_cpu_seconds,
        "student_cpu_seconds": trained - taught,
        "precision": report.precision,
        "soft_labels_right": float(np.mean(known)) if known else None,
    }


def _macro_f1(answers: Sequence[str], truths: Sequence[str]) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(truths, answers, average="macro"))
