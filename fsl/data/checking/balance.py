"""How a file differs as a whole from what was accepted before: scripts, label shares, new labels, texts that are cut.

Only arithmetic on counts and characters lives here. Which of it stops a file is `rules`' and the config's.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

# Scripts without spaces between words: there each character counts as a word.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def script_of(text: str) -> str:
    """Return the script of most letters of a text, as Unicode names it (LATIN, CJK, ARABIC …), or "" for none."""
    if text.isascii():
        return "LATIN" if any(map(str.isalpha, text)) else ""
    counts = Counter(script for char in text if (script := _script(char)))
    return min(counts, key=lambda script: (-counts[script], script)) if counts else ""


def fewest_tokens(form: str) -> int:
    """Return a lower bound of the tokens of a normal form: every tokenizer in use spends one on each word at least."""
    if not form:
        return 0
    n_words = form.count(" ") + 1
    return n_words if form.isascii() else n_words + sum(_script(char) in _UNSPACED for char in form)


def share_unseen(now: Mapping[str, int], before: Mapping[str, int]) -> float:
    """Return the share of rows whose script no earlier row has; 0 where nothing is known of earlier rows."""
    total = sum(now.values())
    if not total or not before:
        return 0.0
    return sum(n for name, n in now.items() if name not in before) / total


def label_shift(now: Mapping[str, int], before: Mapping[str, int]) -> float:
    """Return how far the shares of labels moved: total variation, 0 to 1, over the labels known before."""
    ours = {label: n for label, n in now.items() if label in before}
    n_now, n_before = sum(ours.values()), sum(before.values())
    if not n_now or not n_before:
        return 0.0
    return sum(abs(ours.get(label, 0) / n_now - n / n_before) for label, n in before.items()) / 2


def share_of(labels: Iterable[str], counts: Mapping[str, int]) -> float:
    """Return the share of the rows (or spans) that have one of these labels."""
    total = sum(counts.values())
    return sum(counts.get(label, 0) for label in labels) / total if total else 0.0


@lru_cache(maxsize=20_000)
def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0].split("-")[0] if char.isalpha() else ""
