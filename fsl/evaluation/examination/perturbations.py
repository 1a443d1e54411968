"""Small changes that leave a text's meaning alone: typos, case, punctuation, noise.

A change gives every character what stands in its place, so that spans can be followed to where they went. What a
model makes of changed texts is `robustness`.

Source: Belinkov and Bisk 2018, arXiv:1711.02173 (typos); Ribeiro et al. 2020, arXiv:2005.04118 (invariance tests).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from pydantic import JsonValue

_SHARE_OF_WORDS = 0.2
_MIN_LETTERS = 4  # a typo in a shorter word often makes another word
_PUNCTUATION = frozenset(".,;:!?…。，！？；：、'\"“”‘’")


@dataclass(frozen=True, slots=True)
class Perturbed:
    """A changed text. `pieces[i]` stands for character i of the original; the last piece is what was added."""

    pieces: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def move(self, target: JsonValue) -> JsonValue:
        """Return a canonical target as it is in the changed text: spans follow their characters."""
        if not isinstance(target, list):
            return target
        starts = [0, *accumulate(len(piece) for piece in self.pieces)]
        moved = []
        for span in target:
            if not isinstance(span, list):  # a label stands nowhere in particular
                moved.append(span)
                continue
            start, end, label = span
            moved.append([starts[int(start)], starts[int(end)], label])  # type: ignore[arg-type]
        return moved  # type: ignore[return-value]


Perturb = Callable[[str, int], Perturbed]


def add_typos(text: str, seed: int) -> Perturbed:
    """Return the text with a slip in a fifth of its longer words, one at least: letters swapped, dropped or doubled."""
    chance, pieces = _chance(seed), [*text, ""]
    words = [word for word in _words(text) if word[1] - word[0] >= _MIN_LETTERS]
    for start, end in chance.sample(words, min(len(words), max(1, round(_SHARE_OF_WORDS * len(words))))):
        place = chance.randrange(start, end - 1)
        match chance.randrange(3):
            case 0:
                pieces[place], pieces[place + 1] = pieces[place + 1], pieces[place]
            case 1:
                pieces[place] = ""
            case _:
                pieces[place] *= 2
    return Perturbed(tuple(pieces))


def change_case(text: str, seed: int) -> Perturbed:
    """Return the text in capitals, or in small letters where it had capitals only."""
    del seed
    change = str.lower if text == text.upper() else str.upper
    return Perturbed((*(change(char) for char in text), ""))


def change_punctuation(text: str, seed: int) -> Perturbed:
    """Return the text without its punctuation, or with a full stop or an exclamation mark where it had none."""
    chance = _chance(seed)
    pieces = ["" if _is_punctuation(text, place) else char for place, char in enumerate(text)]
    added = chance.choice((".", "!")) if "".join(pieces) == text else ""
    return Perturbed((*pieces, added))


def add_noise(text: str, seed: int) -> Perturbed:
    """Return the text with doubled spaces and a tail that says nothing."""
    chance = _chance(seed)
    pieces = [char * 2 if char == " " and chance.random() < 0.5 else char for char in text]
    return Perturbed((*pieces, chance.choice((" ...", " 🙂", " !!", " --", "  #"))))


PERTURBATIONS: dict[str, Perturb] = {
    "typos": add_typos,
    "case": change_case,
    "punctuation": change_punctuation,
    "noise": add_noise,
}


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - slips of the pen, no secrets


def _words(text: str) -> list[tuple[int, int]]:
    """Return the runs of letters, as offsets. A script without spaces is one run, which is as good for a slip."""
    words, start = [], None
    for place, char in enumerate((*text, " ")):
        if char.isalpha():
            start = place if start is None else start
        elif start is not None:
            words.append((start, place))
            start = None
    return words


def _is_punctuation(text: str, place: int) -> bool:
    """Return whether a mark can go: a decimal point, a thousands comma and the apostrophe of a word stay."""
    before, after = text[place - 1 : place] if place else "", text[place + 1 : place + 2]
    return text[place] in _PUNCTUATION and not (before.isalnum() and after.isalnum())
