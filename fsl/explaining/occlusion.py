"""Which words carried an answer: each is left out in turn, and what the answer loses is its weight.

Source: Zeiler and Fergus 2014, arXiv:1311.2901 (occlusion); Li, Monroe and Jurafsky 2016, arXiv:1612.08220 (for words).
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fsl.explaining.record import WordWeight
from fsl.serving.predictor import Predictor

MAX_PARTS = 48  # of one text; where it has more words, neighbours are left out together
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


def weigh_words(predictor: Predictor, text: str) -> tuple[WordWeight, ...]:
    """Return p(answer | text) - p(answer | text without the word) for each word, in the order of the text.

    The answer is what the whole text gets, a label or a set of them, and p is what the served graphs say, calibrated
    as served. A word above 0 speaks for the answer, below 0 against it. Weights do not add up to anything: two words
    that say the same can each be left out at little cost. All texts run as one batch; int8 graphs run them one by one,
    as they serve.
    """
    parts = list(_group(list(split_words(text)), MAX_PARTS))
    if not parts:
        return ()
    without = [text[:start] + text[end:] for start, end in parts]
    probabilities = _distributions(predictor, [text, *without])
    problem, outputs, units = predictor.problem, predictor.outputs, ((0, len(text)),)
    answer = problem.decode(probabilities[:1], units, outputs, predictor.facts.thresholds).target
    whole, *rest = (problem.probability_of(answer, row[None], units, outputs) for row in probabilities)
    return tuple(WordWeight(*part, whole - left) for part, left in zip(parts, rest, strict=True))


def split_words(text: str) -> Iterator[tuple[int, int]]:
    """Yield each word's offsets; in scripts written without spaces each letter is a word."""
    for found in _WORD.finditer(text):
        start = found.start()
        for place in range(found.start(), found.end()):
            if unicodedata.east_asian_width(text[place]) in "WF":
                if start < place:
                    yield start, place
                yield place, place + 1
                start = place + 1
        if start < found.end():
            yield start, found.end()


def _group(words: Sequence[tuple[int, int]], most: int) -> Iterator[tuple[int, int]]:
    """Yield at most so many runs of neighbouring words, of about equal numbers."""
    n_parts = min(len(words), most)
    edges = [round(part * len(words) / n_parts) for part in range(n_parts + 1)] if n_parts else []
    for first, after in pairwise(edges):
        yield words[first][0], words[after - 1][1]


def _distributions(predictor: Predictor, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the probabilities of every label for each text, (n_texts, n_labels)."""
    encoded, size = predictor.read(texts), predictor.batch_size
    size = len(encoded) if size > 1 else 1
    batches = (encoded[start : start + size] for start in range(0, len(encoded), size))
    return np.concatenate([predictor.probabilities(batch)[1] for batch in batches])
