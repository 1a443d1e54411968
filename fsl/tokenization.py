"""From texts to token ids and units, the same way in training and in serving.

`tokenizers` reads one `tokenizer.json`; transformers is not needed, so the server and the trainer cannot differ. A text
that is longer than an encoder takes at once is read in windows; what becomes of their vectors is `join_windows`.
"""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fsl.problems.base import Unit, UnitKind

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


_OVERLAP = 4  # neighbouring windows of words share one part in so many, so that words are read with both neighbours
_FEWEST_TOKENS = 8  # shorter windows would be hardly more than the tokenizer's own tokens


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text as a model reads it: its first window, and those behind it where it is longer than that."""

    ids: Sequence[int]
    units: tuple[Unit, ...]  # character offsets of each unit of the whole text
    positions: Sequence[int]  # index into ids of the token that stands for each unit of this window, the first ones
    rest: tuple["Encoded", ...] = ()  # the windows behind the first; their units are in `units` alone

    def __len__(self) -> int:
        return len(self.ids)


def windows_of(encoded: Sequence[Encoded]) -> list[Encoded]:
    """Return the windows of all texts, those of a text one after the other."""
    return [window for one in encoded for window in (one, *one.rest)]


def join_windows(encoded: Sequence[Encoded], vectors: NDArray[np.float32], unit: UnitKind) -> NDArray[np.float32]:
    """Return the vectors of all units of all texts, (n_units, hidden), from those of their windows in order.

    Words have theirs from the one window that they were given to. The vector of a text is the mean of its windows',
    each weighed by its tokens as in the mean that one long window would have, and of length one again.
    """
    if unit == "word" or not any(one.rest for one in encoded):
        return vectors
    windows = windows_of(encoded)
    owners = np.repeat(np.arange(len(encoded)), [1 + len(one.rest) for one in encoded])
    sums = np.zeros((len(encoded), vectors.shape[1]), np.float32)
    np.add.at(sums, owners, vectors * np.array([len(window) for window in windows], np.float32)[:, None])
    joined = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    alone = np.array([not one.rest for one in encoded])
    joined[alone] = vectors[np.searchsorted(owners, np.flatnonzero(alone))]  # to the last bit as before
    return np.asarray(joined, np.float32)


class TextReader:
    """Turns texts into ids and units.

    Args:
        max_windows: of one text, whatever its length; what lies behind them is not read.
    """

    def __init__(self, tokenizer: "Tokenizer", *, unit: UnitKind, max_length_tokens: int, max_windows: int = 1) -> None:
        self._max_windows = max_windows if max_length_tokens >= _FEWEST_TOKENS else 1
        overlap = max_length_tokens // _OVERLAP if unit == "word" and self._max_windows > 1 else 0
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length_tokens, stride=overlap)
        self._tokenizer = tokenizer
        self._unit = unit
        self._max_length_tokens = max_length_tokens
        self.pad_id: int = next(
            (index for name in ("[PAD]", "<pad>") if (index := tokenizer.token_to_id(name)) is not None), 0
        )

    @classmethod
    def from_file(cls, path: Path, *, unit: UnitKind, max_length_tokens: int, max_windows: int = 1) -> "TextReader":
        """Read a `tokenizer.json`."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(path))
        return cls(tokenizer, unit=unit, max_length_tokens=max_length_tokens, max_windows=max_windows)

    def read(self, texts: Sequence[str]) -> list[Encoded]:
        """Encode texts. Words past the last window have no unit: nothing can be said of them."""
        # A lone surrogate cannot be encoded; "?" takes its place, one for one, so that offsets stay true.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        if self._unit == "text":
            encodings = self._tokenizer.encode_batch_fast(clean)
            return [self._whole(one, ((0, len(text)),)) for one, text in zip(encodings, clean, strict=True)]
        encodings = self._tokenizer.encode_batch(clean)
        return [_with_words(self._windows(one), text) for one, text in zip(encodings, clean, strict=True)]

    def _whole(self, encoding: "Encoding", units: tuple[Unit, ...]) -> Encoded:
        first, *rest = self._windows(encoding)
        return Encoded(first.ids, units, (0,), tuple(Encoded(one.ids, (), (0,)) for one in rest))

    def _windows(self, encoding: "Encoding") -> list["Encoding"]:
        ids = encoding.ids
        if self._max_windows == 1 or len(ids) < self._max_length_tokens:
            return [encoding]
        return [encoding, *encoding.overflowing[: self._max_windows - 1]]

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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one window shows a word."""

    window: int
    position: int
    start: int
    end: int
    room: float  # tokens between the word and the nearer cut end of the window


def _with_words(windows: Sequence["Encoding"], text: str) -> Encoded:
    words: dict[int, list[_Place]] = {}
    for number, window in enumerate(windows):
        for place, word in _places(window, number, is_last=number == len(windows) - 1):
            words.setdefault(word, []).append(place)
    chosen = [_pick(places) for _, places in sorted(words.items())]
    limits = [*(place.start for place in chosen[1:]), len(text)][: len(chosen)]
    units = [_trimmed(text, one.start, one.end, limit) for one, limit in zip(chosen, limits, strict=True)]
    kept = [row for row, (start, end) in enumerate(units) if start < end]
    positions: list[list[int]] = [[] for _ in windows]
    for row in kept:
        positions[chosen[row].window].append(chosen[row].position)
    first, *rest = (Encoded(window.ids, (), tuple(own)) for window, own in zip(windows, positions, strict=True))
    return Encoded(first.ids, tuple(units[row] for row in kept), first.positions, tuple(rest))


def _places(window: "Encoding", number: int, *, is_last: bool) -> Iterator[tuple[_Place, int]]:
    """Yield each word of a window with its number in the text."""
    found: dict[int, tuple[int, int, int]] = {}
    for position, (word, (start, end)) in enumerate(zip(window.word_ids, window.offsets, strict=True)):
        if word is not None:
            begin, first, _ = found.get(word, (position, start, end))
            found[word] = (begin, first, end)
    for word, (position, start, end) in found.items():
        before = math.inf if number == 0 else position
        behind = math.inf if is_last else len(window.ids) - position
        yield _Place(number, position, start, end, min(before, behind)), word


def _pick(places: Sequence[_Place]) -> _Place:
    """Return where a word is read with most on both sides, which is never where a window begins in its middle."""
    return replace(max(places, key=lambda place: place.room), end=max(place.end for place in places))


def _trimmed(text: str, start: int, end: int, limit: int) -> Unit:
    """Return the word as a person marks it: tokenizers may count a space before it, or lose an accent after it."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end < limit and unicodedata.category(text[end])[0] == "M":
        end += 1
    return start, end
