"""An explanation as a record. How it is found stands in `occlusion`, `neighbours` and `explainer`."""

from dataclasses import dataclass

from fsl.evaluation.jsonable import Number


@dataclass(frozen=True, slots=True)
class WordWeight:
    """One word, or a few that stand together, and what its absence costs the answer."""

    start: int  # offsets into the text
    end: int
    weight: Number  # probability of the answer with the word, less without it: above 0 speaks for the answer


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training row that the encoder finds alike."""

    text: str
    target: str  # in words
    similarity: Number  # cosine, -1 to 1


@dataclass(frozen=True)
class Explanation:
    """Why one text got its answer."""

    text: str
    answer: str
    confidence: Number
    words: tuple[WordWeight, ...]  # in the order of the text
    neighbours: tuple[Neighbour, ...]  # the nearest first
    n_searched: int  # training rows that were looked at
    n_train: int  # training rows that there are
