"""Entities from few sentences: a head on the frozen encoder, a full fine-tune, and a distilled student, by entity F1.

A cell is one learner on one draw of one set. What is not measured yet, the table says.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.cells import Facts, chosen_begins, digest_of, find_cell, machine
from bench.parts.entities.draws import Draw, Sentence, draw_sentences, read_sentences, sentences_digest
from bench.parts.entities.tables import write_section
from bench.parts.public_data import data_folder, not_measured
from bench.parts.students.fitting import answer, fine_tune
from bench.parts.students.teacher_files import teacher_folder
from fsl.config import (
    AdapterConfig,
    DistillationConfig,
    EncoderConfig,
    LearningConfig,
    TeacherConfig,
    TrainingConfig,
)

N_DRAWS = 5


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    data: str
    n_sentences: int  # of each type

    @property
    def name(self) -> str:
        return f"{self.data}-{self.n_sentences}"


SETTINGS = tuple(Setting(data, n) for data in ("wnut17", "fewnerd_small") for n in (10, 50))
LEARNERS = ("probe", "fine-tune", "distilled")


def recipe(teacher: str, learner: str) -> LearningConfig:
    """Return how an entity student is made here: all weights move; with a pool few epochs are many steps already."""
    alone = TrainingConfig(epochs=30, learning_rate=1e-4, batch_size=8)  # chosen on WNUT-17's dev sentences
    taught = TrainingConfig(epochs=2, learning_rate=1e-4, batch_size=32)
    return LearningConfig(
        encoder=EncoderConfig(teacher=teacher),
        adapter=AdapterConfig(method="full"),
        teacher=TeacherConfig(epochs=12, learning_rate=5e-5, batch_size=8),
        student=taught if learner == "distilled" else alone,
        distillation=DistillationConfig(temperature=1.0, min_pool_confidence=0.0),
        budget_minutes=0.0,
    )


def _quick_recipe(learner: str) -> LearningConfig:
    config = recipe(EncoderConfig().teachers[0], learner)
    once = {one: getattr(config, one).model_copy(update={"epochs": 1}) for one in ("teacher", "student")}
    return config.model_copy(update=once)


def run(*, quick: bool) -> str:
    """Measure what is missing, and return the section of docs/benchmarks.md."""
    if not (data_folder() / "wnut17").is_dir():
        return not_measured("Entities", data_folder() / "wnut17")
    if quick:
        setting = Setting("wnut17", 4)
        few = {(setting.name, one): [_measure(setting, one, 0, most=16)] for one in LEARNERS}
        return write_section([setting], few)
    begins, found = chosen_begins(), dict[tuple[str, str], list[Facts]]()
    for draw in range(N_DRAWS):
        for setting in SETTINGS:
            for learner in LEARNERS:
                work: Callable[[], Facts] = lambda: _measure(setting, learner, draw)  # noqa: B023, E731
                name = f"{learner}-{setting.name}-{draw}"
                facts = find_cell("entities", name, work, of=_measured(setting, learner), begins=begins)
                if facts is not None:
                    found.setdefault((setting.name, learner), []).append(facts)
    return write_section(list(SETTINGS), found)


def _measured(setting: Setting, learner: str) -> Facts:
    from fsl.runs.steps import STEP_VERSIONS

    config = (
        recipe("all-mpnet-base-v2", learner).model_dump(mode="json", exclude_defaults=True)
        if learner != "probe"
        else {}
    )
    return {"recipe": digest_of(config), "data": sentences_digest(setting.data), "steps": dict(STEP_VERSIONS)}


def _measure(setting: Setting, learner: str, draw: int, *, most: int | None = None) -> Facts:
    from fsl.problems import find_problem

    train, test = read_sentences(setting.data, "train")[: most and 5 * most], read_sentences(setting.data, "test")
    rows = draw_sentences(train, setting.n_sentences, draw)
    test = test[:most]
    started = time.process_time()
    answers = _answers(rows, [text for text, _ in test], learner, find_problem("tagging"), is_quick=most is not None)
    return {
        **score_spans(test, answers),
        "draw": draw,
        "n_train": len(rows.train),
        "n_pool": len(rows.pool),
        "cpu_seconds": time.process_time() - started,
        "machine": machine(),
    }


def score_spans(test: list[Sentence], answers: list[Any]) -> Facts:
    """Return precision, recall and F1 of whole entities, micro: right are only those whose ends and type are."""
    from fsl.problems.tagging import as_spans

    hits = given = there = 0
    for (_, truth), said in zip(test, answers, strict=True):
        right, found = set(as_spans(truth)), set(as_spans(said))  # type: ignore[arg-type]
        hits, given, there = hits + len(right & found), given + len(found), there + len(right)
    f1 = 2 * hits / (given + there) if given + there else 0.0
    return {"f1": f1, "precision": hits / given if given else 0.0, "recall": hits / there if there else 0.0}


def _answers(rows: Draw, texts: list[str], learner: str, problem: Any, *, is_quick: bool) -> list[Any]:
    from fsl.learning.encoders import load_encoder
    from fsl.learning.student import distil, fit_probe_candidate
    from fsl.learning.teacher import SoftLabels, adapt_teacher
    from fsl.learning.training.lessons import learnable_labels

    labels = learnable_labels(rows.train, problem, where="a draw")
    config = (
        _quick_recipe(learner) if is_quick else recipe(str(teacher_folder()) if learner == "distilled" else "", learner)
    )
    base = load_encoder(config.encoder, role="student", unit="word")
    if learner == "probe":
        fitted = fit_probe_candidate(base, rows.train, [], problem, SoftLabels(labels, {}), config)
        return answer(texts, base, fitted.network, fitted.head, labels, problem)
    if learner == "fine-tune":
        encoder, network, head = fine_tune(rows.train, labels, problem, config)
        return answer(texts, encoder, network, head, labels, problem)
    soft = adapt_teacher(rows.train, [], rows.pool, problem, config, where="a draw")
    fitted = distil(rows.train, [], rows.pool, soft, problem, config)
    return answer(texts, base, fitted.network, fitted.head, soft.labels, problem)
