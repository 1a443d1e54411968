"""What the tests look at in a served row, apart from its place: numbers, labels, script and words.

A trait is of one row alone. What is ranked or counted over both windows together is `forms`'.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.drift.windows.window import Window

NOTHING = "(nothing)"  # the answer of a text in which no label was found
_WORD = re.compile(r"[^\W\d_]+")
_MAX_WORDS = 64  # of one text; a longer one is told by its first
# Written without spaces: a word there is a pair of neighbours, as in search engines.
_UNSPACED = frozenset({"CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR"})


@dataclass(frozen=True, eq=False)
class Traits:
    """One entry for each row, in order."""

    embeddings: NDArray[np.float32]  # (n, d), finite
    answers: tuple[tuple[str, ...], ...]  # the labels of each answer, never empty
    confidence: NDArray[np.float64]  # NaN where a damaged model said so
    margin: NDArray[np.float64]
    length: NDArray[np.float64]  # characters
    script: NDArray[np.str_]
    words: tuple[frozenset[str], ...]

    @property
    def n_rows(self) -> int:
        return len(self.length)

    def pick(self, rows: NDArray[np.intp]) -> "Traits":
        """Return these rows, in this order."""
        return Traits(
            self.embeddings[rows],
            tuple(self.answers[row] for row in rows),
            self.confidence[rows],
            self.margin[rows],
            self.length[rows],
            self.script[rows],
            tuple(self.words[row] for row in rows),
        )

    def join(self, other: "Traits") -> "Traits":
        """Return this window's rows and then the other's."""
        return Traits(
            np.concatenate([self.embeddings, other.embeddings]),
            self.answers + other.answers,
            np.concatenate([self.confidence, other.confidence]),
            np.concatenate([self.margin, other.margin]),
            np.concatenate([self.length, other.length]),
            np.concatenate([self.script, other.script]),
            self.words + other.words,
        )


def traits_of(window: Window) -> Traits:
    """Return the traits of a window's rows."""
    return build_traits(window.texts, window.labels, window.confidence, window.margin, window.embeddings)


def build_traits(
    texts: Sequence[str],
    labels: Sequence[tuple[str, ...]],
    confidence: NDArray[np.float64],
    margin: NDArray[np.float64],
    embeddings: NDArray[np.float32],
) -> Traits:
    """Return the traits of rows; the other arguments stand in the texts' order."""
    scripts = [script_of(text) for text in texts]
    return Traits(
        embeddings=np.asarray(embeddings, dtype=np.float32),
        answers=tuple(row or (NOTHING,) for row in labels),
        confidence=np.asarray(confidence, dtype=np.float64),
        margin=np.asarray(margin, dtype=np.float64),
        length=np.array([len(text) for text in texts], dtype=np.float64),
        script=np.array(scripts, dtype=np.str_) if scripts else np.zeros(0, dtype="<U16"),
        words=tuple(words_of(text, script) for text, script in zip(texts, scripts, strict=True)),
    )


def script_of(text: str) -> str:
    """Return the script of most letters, as Unicode names it: LATIN, CJK, ARABIC …; OTHER where there is no letter."""
    counts: dict[str, int] = {}
    for char in text[:200]:
        if char.isalpha():
            name = "LATIN" if char.isascii() else unicodedata.name(char, "OTHER").partition(" ")[0]
            counts[name] = counts.get(name, 0) + 1
    return max(counts, key=lambda name: (counts[name], name)) if counts else "OTHER"


def words_of(text: str, script: str) -> frozenset[str]:
    """Return the distinct words of a text, in small letters; numbers are no words."""
    words = _WORD.findall(text.casefold())
    if script in _UNSPACED:
        words = [word[start : start + 2] for word in words for start in range(max(1, len(word) - 1))]
    return frozenset(words[:_MAX_WORDS])
