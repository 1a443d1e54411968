"""Slices: judge rows that carry or mention something, and what an exchange of its words does to the answers.

A word counts where it stands by itself, in any case; in scripts written without spaces, wherever it stands.

Source: Garg et al. 2019, arXiv:1809.10610 (counterfactual fairness by exchanging tokens).
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from fsl.config import SliceConfig
from fsl.evaluation.examination.perturbations import Perturbed
from fsl.evaluation.examination.record import SliceRows
from fsl.evaluation.jsonable import canonical_json
from fsl.evaluation.scores.records import RowScore
from fsl.samples import Sample
from fsl.serving.predictor import Predictor

_MAX_EXAMPLES = 5


def measure_slice(
    predictor: Predictor, config: SliceConfig, samples: Mapping[str, Sample], rows: Sequence[RowScore], *, n_texts: int
) -> SliceRows:
    """Find a slice's rows, and ask again about the first `n_texts` of those whose words can be exchanged.

    Args:
        samples: by row id.
    """
    words = tuple(chain(config.words, *config.swaps))
    mentions = _pattern(words) if words else None
    inside = [row for row in rows if _belongs(samples[row.row_id], config, mentions)]
    swapped = [(row, swap_words(samples[row.row_id].text, config.swaps)) for row in inside] if config.swaps else []
    asked = [(row, change) for row, change in swapped if change.text != samples[row.row_id].text][:n_texts]
    examples = []
    for row, change in asked:
        answer = predictor.predict([change.text])[0].answer.target
        if canonical_json(answer) != canonical_json(change.move(row.answer)):
            before, after = (", ".join(predictor.problem.labels_in(one)) or "nothing" for one in (row.answer, answer))
            # No text: a row that is to be forgotten could not be found in it, since its words were exchanged.
            examples.append(f"row {row.row_id} got {before}; with the other words it got {after}")
    ids = tuple(row.row_id for row in inside)
    return SliceRows(config.name, ids, len(asked), len(examples), tuple(examples[:_MAX_EXAMPLES]))


def _belongs(sample: Sample, config: SliceConfig, mentions: re.Pattern[str] | None) -> bool:
    if config.column is not None and sample.attributes.get(config.column) in config.values:
        return True
    return mentions is not None and mentions.search(sample.text) is not None


def swap_words(text: str, swaps: Sequence[tuple[str, str]]) -> Perturbed:
    """Return the text with the words of each pair exchanged, in the case that they stood in."""
    if not swaps:
        return Perturbed((*text, ""))
    other: dict[str, str] = {}
    for one, two in swaps:
        other.setdefault(one.casefold(), two)
        other.setdefault(two.casefold(), one)
    pieces = [*text, ""]
    for found in _pattern(chain(*swaps)).finditer(text):
        instead = other.get(found.group().casefold())
        if instead is not None:
            pieces[found.start() : found.end()] = _spread(_in_case_of(found.group(), instead), len(found.group()))
    return Perturbed(tuple(pieces))


def _spread(word: str, n_pieces: int) -> list[str]:
    """Return a word on the places of another: one letter each, what is left on the last."""
    return [*(word[place : place + 1] for place in range(n_pieces - 1)), word[n_pieces - 1 :]]


def _in_case_of(model: str, word: str) -> str:
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(set(words), key=lambda word: (-len(word), word))
    return re.compile("|".join(_alone(word) for word in longest_first), re.IGNORECASE)


def _alone(word: str) -> str:
    before = r"(?<!\w)" if _is_spaced(word[0]) else ""
    after = r"(?!\w)" if _is_spaced(word[-1]) else ""
    return f"{before}{re.escape(word)}{after}"


def _is_spaced(char: str) -> bool:
    """Return whether a letter belongs to a script that parts words; wide letters (Chinese, Japanese) do not."""
    return char.isalnum() and unicodedata.east_asian_width(char) not in "WF"
