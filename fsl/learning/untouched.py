"""The student as it came, before it has learnt anything: what label names and the spreading of labels ask."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fsl.config import EncoderConfig
from fsl.learning.encoders import Embed, Encoder, embed, load_encoder


class UntouchedStudent:
    """Loaded when it is first asked. What it makes of a text is computed once, whoever asks."""

    def __init__(self, config: EncoderConfig, embed: Embed = embed) -> None:
        self.config, self.embed = config, embed
        self._known: dict[str, NDArray[np.float32]] = {}

    @cached_property
    def encoder(self) -> Encoder:
        return load_encoder(self.config, role="student", unit="text")

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the texts' vectors, (n_texts, hidden)."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        reader = self.encoder.reader("text")
        found = self.embed(self.encoder.network, reader, reader.read(new))
        self._known.update(zip(new, found, strict=True))
        return np.stack([self._known[text] for text in texts]) if len(texts) else found
