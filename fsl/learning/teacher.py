"""The teacher: the larger encoder, adapted to the few labels, and the soft labels that it spreads over all texts.

Its weights are not kept; what it knows of the texts is. Distilling that into a student is `fsl.learning.student`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.config import LearningConfig
from fsl.learning.encoders import embed, load_encoder
from fsl.learning.heads import fit_probe, fit_temperature
from fsl.learning.lessons import learnable_labels, read_lessons, split_by_text, stack_targets
from fsl.learning.training import Progress, fit_encoder, wants_bfloat16
from fsl.problems.base import Problem
from fsl.samples import Sample

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SoftLabels:
    """What a teacher thinks of each text: calibrated probabilities for each unit."""

    labels: tuple[str, ...]
    by_row: dict[str, NDArray[np.float32]]  # row_id -> (n_units, n_outputs)


def adapt_teacher(
    train: Sequence[Sample],
    tune: Sequence[Sample],
    pool: Sequence[Sample],
    problem: Problem,
    config: LearningConfig,
    *,
    where: str,
    progress: Progress = lambda share: None,
) -> SoftLabels:
    """Adapt the teacher to the train rows and return its soft labels for train rows and pool.

    Its temperature is fitted on tune rows, so that its doubts are worth learning from. Raises TooFewLabels, TooFewRows.
    """
    labels = learnable_labels(train, problem, where=where)
    encoder = load_encoder(config.encoder, role="teacher", unit=problem.unit)
    reader = encoder.reader(problem.unit)
    lessons = read_lessons(train, reader, problem, labels)
    held_out = [lesson for lesson in read_lessons(tune, reader, problem, labels) if lesson.targets is not None]

    vectors = embed(encoder.network, reader, [lesson.encoded for lesson in lessons])
    probe = fit_probe(vectors, stack_targets(lessons), len(problem.outputs(labels)), seed=config.seed)
    network, head = fit_encoder(
        encoder.network,
        probe,
        lessons,
        reader,
        role="teacher",
        training=config.teacher,
        config=config,
        progress=progress,
    )
    held_out_vectors = embed(network, reader, [lesson.encoded for lesson in held_out])
    head = fit_temperature(head, held_out_vectors, stack_targets(held_out))

    texts = [*lessons, *read_lessons(pool, reader, problem, labels)]
    quick = wants_bfloat16(config, on_cpu=next(network.parameters()).device.type == "cpu")
    vectors = embed(network, reader, [text.encoded for text in texts], bfloat16=quick)
    probabilities = np.exp(head.log_probabilities(vectors))
    rows = [sample.row_id for sample in (*train, *pool)]
    log.info("teacher: soft labels of %d texts, temperature %.2f", len(rows), head.temperature)
    return SoftLabels(labels, dict(zip(rows, split_by_text(probabilities.astype(np.float32), texts), strict=True)))
