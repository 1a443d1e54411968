"""What was found of a version beyond its answers to judge rows, as it is stored with its score sheet.

How each is measured: `robustness`, `behaviour`, `slices`, `abstention`, `memory`; all at once: `examining`.
"""

from dataclasses import dataclass

from fsl.evaluation.jsonable import Number


@dataclass(frozen=True, slots=True)
class RobustnessResult:
    """How one kind of change tells on the answers."""

    name: str
    n_texts: int  # those that the change left as they were are not asked again
    n_changed: int  # texts whose answer is another one now
    n_right_before: int
    n_right_after: int


@dataclass(frozen=True, slots=True)
class BehaviourResult:
    """One check of the config. A case is a text, a pair, or all the texts that must get one answer."""

    name: str
    expect: str
    n_cases: int
    n_failed: int
    examples: tuple[str, ...]  # of failures, in words


@dataclass(frozen=True, slots=True)
class SliceRows:
    """The judge rows of one slice, and what swapping its words does to the answers."""

    name: str
    row_ids: tuple[str, ...]
    n_swapped: int = 0  # rows that were asked again with the other word
    n_changed: int = 0  # of these, how many got another answer
    examples: tuple[str, ...] = ()  # of changed answers, in words


@dataclass(frozen=True)
class Examination:
    """Everything that was asked beyond the judge rows."""

    robustness: tuple[RobustnessResult, ...] = ()
    behaviour: tuple[BehaviourResult, ...] = ()
    slices: tuple[SliceRows, ...] = ()
    out_of_scope: tuple[Number, ...] = ()  # the confidence of each answer to a text that no label fits
    scopes: tuple[Number, ...] = ()  # how near these texts are to the labels; empty: the bundle does not tell
    n_answered: int | None = None  # of these texts, those that get an answer when served; None: nobody counted
    peak_memory_bytes: int | None = None  # of a process that only answers; None where it could not be measured
