"""The untouched student: whoever asks about a text, it is computed once."""

from typing import Any

import numpy as np
import pytest

from fsl.config import LearningConfig
from fsl.learning.encoders import embed, load_encoder
from fsl.learning.untouched import UntouchedStudent
from fsl.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")


def test_vectors_are_those_of_the_encoder_and_computed_once(
    intents: list[Sample], tiny_learning: LearningConfig
) -> None:
    n_computed: list[int] = []

    def counting(network: Any, reader: Any, encoded: Any) -> Any:
        n_computed.append(len(encoded))
        return embed(network, reader, encoded)

    texts = [row.text for row in intents[:8]]
    student = UntouchedStudent(tiny_learning.encoder, counting)
    first, again = student.vectors(texts[:5]), student.vectors([*texts, texts[0]])

    encoder = load_encoder(tiny_learning.encoder, role="student", unit="text")
    reader = encoder.reader("text")
    expected = embed(encoder.network, reader, reader.read([*texts, texts[0]]))
    assert len(set(texts)) == 8
    assert n_computed == [5, 3]
    assert np.allclose(again, expected, atol=1e-6)
    assert np.array_equal(first, again[:5])


def test_no_texts_have_no_vectors(tiny_learning: LearningConfig) -> None:
    student = UntouchedStudent(tiny_learning.encoder)

    assert student.vectors([]).shape == (0, student.encoder.network.hidden_size)
