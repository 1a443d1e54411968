"""From texts to token ids and units, the same way in training and in serving.

`tokenizers` reads one `tokenizer.json`; transformers is not needed, so the server and the trainer cannot differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fsl.problems.base import Unit, UnitKind

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text as a model reads it."""

    ids: Sequence[int]
    units: tuple[Unit, ...]  # character offsets of each unit
    positions: Sequence[int]  # index into ids of the token that stands for each unit

    def __len__(self) -> int:
        return len(self.ids)


class TextReader:
    """Turns texts into ids and units."""

    def __init__(self, tokenizer: "Tokenizer", *, unit: UnitKind, max_length_tokens: int) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length_tokens)
        self._tokenizer = tokenizer
        self._unit = unit
        self.pad_id: int = next(
            (index for name in ("[PAD]", "<pad>") if (index := tokenizer.token_to_id(name)) is not None), 0
        )

    @classmethod
    def from_file(cls, path: Path, *, unit: UnitKind, max_length_tokens: int) -> "TextReader":
        """Read a `tokenizer.json`."""
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_file(str(path)), unit=unit, max_length_tokens=max_length_tokens)

    def read(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode texts. Words past the encoder's length have no unit: nothing can be said of them."""
        # A lone surrogate cannot be encoded; "?" takes its place, one for one, so that offsets stay true.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        encodings = self._tokenizer.encode_batch_fast(clean) if self._unit == "text" else None
        if encodings is not None:
            return [
                Encoded(encoding.ids, ((0, len(text)),), (0,)) for encoding, text in zip(encodings, clean, strict=True)
            ]
        return [self._with_words(encoding) for encoding in self._tokenizer.encode_batch(clean)]

    def pad(self, batch: Sequence[Encoded]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return ids and attention mask, both (batch, longest)."""
        longest = max(len(one) for one in batch)
        ids = np.full((len(batch), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros((len(batch), longest), dtype=np.int64)
        for row, one in enumerate(batch):
            ids[row, : len(one)] = one.ids
            mask[row, : len(one)] = 1
        return ids, mask

    @staticmethod
    def _with_words(encoding: "object") -> Encoded:
        units: list[Unit] = []
        positions: list[int] = []
        last = None
        for position, (word, offsets) in enumerate(zip(encoding.word_ids, encoding.offsets, strict=True)):  # type: ignore[attr-defined]
            if word is None:
                continue
            if word != last:
                units.append(offsets)
                positions.append(position)
                last = word
            else:
                units[-1] = (units[-1][0], offsets[1])
        return Encoded(encoding.ids, tuple(units), tuple(positions))  # type: ignore[attr-defined]
