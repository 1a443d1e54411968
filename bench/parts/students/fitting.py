"""What a student is compared with: its encoder fine-tuned on the labelled rows alone, and the way to ask either."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fsl.config import LearningConfig
from fsl.learning.heads import Head
from fsl.problems.base import Problem
from fsl.samples import Sample


def fine_tune(rows: Sequence[Sample], labels: Sequence[str], problem: Problem, config: LearningConfig) -> Any:
    """Fine-tune a fresh student on hard labels, from the head that a distilled one starts from.

    Returns:
        (encoder, network, head); the encoder tells how texts are read.
    """
    from fsl.learning.encoders import embed, load_encoder
    from fsl.learning.teacher import starting_head, uses_cosines
    from fsl.learning.training.fit import fit_encoder
    from fsl.learning.training.lessons import read_lessons, stack_targets

    encoder = load_encoder(config.encoder, role="student", unit=problem.unit)
    reader = encoder.reader(problem.unit)
    lessons = read_lessons(rows, reader, problem, labels)
    scale = config.distillation.cosine_scale if uses_cosines(config, problem) else None
    vectors = embed(encoder.network, reader, [lesson.encoded for lesson in lessons])
    start = starting_head(vectors, stack_targets(lessons), len(problem.outputs(labels)), scale, seed=config.seed)
    network, head = fit_encoder(
        encoder.network,
        start,
        lessons,
        reader,
        role="student",
        training=config.student,
        config=config,
        cosine_scale=scale,
    )
    return encoder, network, head


def answer(
    texts: Sequence[str], encoder: Any, network: Any, head: Head, labels: Sequence[str], problem: Problem
) -> list[Any]:
    """Return the target that a network with its head gives to each text, before any export."""
    from fsl.learning.encoders import embed

    reader = encoder.reader(problem.unit)
    encoded = reader.read(list(texts))
    vectors = embed(network, reader, encoded)
    found = np.exp(head.log_probabilities(vectors)).astype(np.float32)
    ends = np.cumsum([len(one.units) for one in encoded])
    outputs = problem.outputs(labels)
    parts = np.split(found, ends[:-1])
    return [problem.decode(part, one.units, outputs).target for part, one in zip(parts, encoded, strict=True)]
