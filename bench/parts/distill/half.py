"""A student of half the layers, distilled with a pool, against its teacher and against a plain fine-tune of itself."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from bench.cells import Facts
from bench.parts.students.draws import draw_shots, load_set
from bench.parts.students.fitting import answer, fine_tune
from fsl.config import (
    AdapterConfig,
    DistillationConfig,
    EncoderConfig,
    LearningConfig,
    PropagationConfig,
    TeacherConfig,
    TrainingConfig,
)
from fsl.samples import Sample, Split

N_SHOTS = 10
HALF = 3  # of MiniLM's six layers


def half_recipe() -> LearningConfig:
    """Return how the half is made: its teacher is the whole MiniLM, adapted to the labelled rows."""
    return LearningConfig(
        encoder=EncoderConfig(student_layers=HALF),
        adapter=AdapterConfig(method="full"),
        teacher=TeacherConfig(epochs=6, learning_rate=1e-4, batch_size=64),
        student=TrainingConfig(epochs=4, learning_rate=2e-4, batch_size=64),
        propagation=PropagationConfig(n_neighbours=8, prior="even"),
        distillation=DistillationConfig(head="cosine", temperature=1.0, sharpening=2.0, min_pool_confidence=0.0),
        budget_minutes=0.0,
    )


def measure_half(draw: int, *, n_labels: int | None = None, most: int | None = None) -> Facts:
    """Return the share of official test rows that teacher, distilled half and fine-tuned half answer rightly."""
    from fsl.learning.encoders import load_encoder
    from fsl.learning.sources import Source
    from fsl.learning.student import distil
    from fsl.learning.teacher import adapt_teacher, consult_teacher
    from fsl.problems import find_problem

    data = load_set("banking77", n_labels=n_labels, most=most)
    rows = draw_shots(data, N_SHOTS if n_labels is None else 3, draw, pool="rest of train")
    texts, truth = [text for text, _ in data.test], [label for _, label in data.test]
    asked = [Sample(f"test-{place}", text, None, Split.TRAIN, f"test-{place}") for place, text in enumerate(texts)]
    config, problem = half_recipe(), find_problem("classification")
    taught: list[str] = []

    def consult(desk: Any, name: str, progress: Any, track: Any) -> Any:
        """Ask the teacher, once it is adapted, about test rows as well; these go no further than into its score."""
        source, spoken, held_out = consult_teacher(replace(desk, pool=(*desk.pool, *asked)), name, progress, track)
        n_own = len(spoken) - len(asked)
        taught.extend(desk.labels[int(best)] for best in source.probabilities[n_own:].argmax(1))
        return Source(source.name, source.vectors[:n_own], source.probabilities[:n_own]), spoken[:n_own], held_out

    started = time.process_time()
    soft = adapt_teacher(rows.train, [], rows.pool, problem, config, where="a draw", consult=consult)
    fitted = distil(rows.train, [], rows.pool, soft, problem, config)
    base = load_encoder(config.encoder, role="student", unit="text")
    distilled = answer(texts, base, fitted.network, fitted.head, soft.labels, problem)
    # The fine-tune takes as many steps as the labelled rows need; more epochs, since there are fewer rows.
    longer = config.model_copy(update={"student": config.student.model_copy(update={"epochs": 12})})
    plain = answer(texts, *fine_tune(rows.train, soft.labels, problem, longer), soft.labels, problem)
    return {
        "draw": draw,
        "teacher": _share_right(taught, truth),
        "distilled": _share_right(distilled, truth),
        "fine_tune": _share_right(plain, truth),
        "cpu_seconds": time.process_time() - started,
    }


def _share_right(answers: list[Any], truth: list[str]) -> float:
    return float(np.mean([one == right for one, right in zip(answers, truth, strict=True)]))
