"""A fresh encoder with its probe and lessons, which a test trains once."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest

from fsl.config import AdapterConfig, LearningConfig, TrainingConfig
from fsl.learning.encoders import UnitEncoder, embed, load_encoder
from fsl.learning.heads import Head, fit_probe
from fsl.learning.training.batches import Lesson
from fsl.learning.training.fit import fit_encoder
from fsl.learning.training.lessons import read_lessons, stack_targets
from fsl.problems.base import Problem
from fsl.problems.classification import Classification
from fsl.samples import Sample
from fsl.tokenization import TextReader

LABELS = ("parcel", "refund")


class School:
    """A fresh encoder with its probe and lessons, to be trained once."""

    def __init__(self, samples: Sequence[Sample], problem: Problem, labels: tuple[str, ...], config: LearningConfig):
        encoder = load_encoder(config.encoder, role="student", unit=problem.unit)
        self.network: UnitEncoder = encoder.network
        self.reader: TextReader = encoder.reader(problem.unit)
        self.lessons: list[Lesson] = read_lessons(samples, self.reader, problem, labels)
        self.targets = stack_targets(self.lessons)
        self.n_outputs = len(problem.outputs(labels))
        self.probe: Head = fit_probe(self.vectors(), self.targets, self.n_outputs, seed=0)
        self.config = config

    def vectors(self) -> Any:
        return embed(self.network, self.reader, [lesson.encoded for lesson in self.lessons])

    def fit(
        self,
        lessons: Sequence[Lesson] | None = None,
        head: Head | None = None,
        cosine_scale: float | None = None,
        heard: Mapping[str, Any] = MappingProxyType({}),
        **fit: Any,
    ) -> Head:
        """Train; `heard` are other arguments of `fit_encoder`, all others replace keys of `learning.student`."""
        training = TrainingConfig(**{**self.config.student.model_dump(), **fit})
        network, trained = fit_encoder(
            self.network,
            self.probe if head is None else head,
            self.lessons if lessons is None else lessons,
            self.reader,
            role="student",
            training=training,
            config=self.config,
            cosine_scale=cosine_scale,
            **heard,
        )
        assert network is self.network
        return trained


@pytest.fixture
def school(intents: list[Sample], tiny_learning: LearningConfig) -> School:
    return School(intents, Classification(), LABELS, tiny_learning)


def with_adapter(config: LearningConfig, **keys: Any) -> LearningConfig:
    return config.model_copy(update={"adapter": AdapterConfig(**{**config.adapter.model_dump(), **keys})})
