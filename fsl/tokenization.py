"""From texts to token ids and units, the same way in training and in serving.

`tokenizers` reads one `tokenizer.json`; transformers is not needed, so the server and the trainer cannot differ.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fsl.problems.base import Unit, UnitKind

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


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
        if self._unit == "text":
            encodings = self._tokenizer.encode_batch_fast(clean)
            return [Encoded(one.ids, ((0, len(text)),), (0,)) for one, text in zip(encodings, clean, strict=True)]
        return [_with_words(one, text) for one, text in zip(self._tokenizer.encode_batch(clean), clean, strict=True)]

    def token_spans(self, texts: Sequence[str]) -> list[list[Unit]]:
        """Return the characters that each token stands for, so that two encoders' tokens can be held side by side."""
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return [one.offsets for one in self._tokenizer.encode_batch(clean)]

    def pad(self, batch: Sequence[Encoded]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return ids and attention mask, both (batch, longest), the longest being two at least.

        Exported graphs take no less than two tokens, and an encoder that may attend to none answers NaN; a tokenizer
        without tokens of its own gives one or none for a short text.
        """
        longest = max([2, *(len(one) for one in batch)])
        ids = np.full((len(batch), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros((len(batch), longest), dtype=np.int64)
        for row, one in enumerate(batch):
            ids[row, : len(one)] = one.ids
            mask[row, : max(1, len(one))] = 1
        return ids, mask


def _with_words(encoding: "Encoding", text: str) -> Encoded:
    words: list[Unit] = []
    positions: list[int] = []
    last = None
    for position, (word, (start, end)) in enumerate(zip(encoding.word_ids, encoding.offsets, strict=True)):
        if word is None:
            continue
        if word == last:
            words[-1] = (words[-1][0], end)
        else:
            words.append((start, end))
            positions.append(position)
            last = word
    limits = [*(start for start, _ in words[1:]), len(text)][: len(words)]
    units = [_trimmed(text, *word, limit) for word, limit in zip(words, limits, strict=True)]
    kept = [row for row, (start, end) in enumerate(units) if start < end]
    return Encoded(encoding.ids, tuple(units[row] for row in kept), tuple(positions[row] for row in kept))


def _trimmed(text: str, start: int, end: int, limit: int) -> Unit:
    """Return the word as a person marks it: tokenizers may count a space before it, or lose an accent after it."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end < limit and unicodedata.category(text[end])[0] == "M":
        end += 1
    return start, end
