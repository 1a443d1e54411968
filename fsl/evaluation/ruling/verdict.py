"""The gate's answer: promote, reject or undecided, with the numbers and the reasons. How it is found is `gate`'s."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import JsonValue

from fsl.evaluation.comparison.compare import Comparison
from fsl.evaluation.comparison.parts import Part
from fsl.evaluation.comparison.recent import RecentWindow
from fsl.evaluation.comparison.spending import JudgeUse
from fsl.evaluation.jsonable import from_json, to_json
from fsl.evaluation.scores.intervals import Interval


class Outcome(StrEnum):
    """What is to be done with the challenger."""

    PROMOTE = "promote"
    REJECT = "reject"
    UNDECIDED = "undecided"  # the champion keeps serving


class State(StrEnum):
    """What there was to compare with."""

    COMPARED = "compared"
    FIRST_RUN = "no champion"  # nothing serves yet; a constant answer stands in
    NO_SHARED_ROWS = "no shared rows"  # no judge row carries only labels that both know
    NO_ROWS = "no judge rows"
    UNUSABLE = "unusable answers"  # of either model, such as NaN


class Route(StrEnum):
    """By which claim a challenger is promoted. What is promised differs: only `BETTER` shares alpha over time."""

    FIRST = "first champion"  # better than any constant answer
    BETTER = "better"  # better than the champion beyond chance
    NEW_LABELS = "new labels"  # finds them, and is not worse by more than the margin on the others
    NOT_WORSE = "not worse"  # by no more than the margin, where the config asks for no more


@dataclass(frozen=True, slots=True)
class NewLabel:
    """A label that only the challenger knows, scored apart."""

    label: str
    n_rows: int  # judge rows whose truth mentions it
    recall: float
    interval: Interval  # of the recall
    is_judged: bool  # there are enough rows to judge it by


@dataclass(frozen=True, slots=True)
class LostLabel:
    """A label that only the champion knows."""

    label: str
    n_rows: int


@dataclass(frozen=True)
class Verdict:
    """One decision. It is stored beside the version and in the alias log, so it says everything itself."""

    outcome: Outcome
    reasons: tuple[str, ...]  # what decided
    notes: tuple[str, ...]  # what else a reader must know
    what_would_change_it: tuple[str, ...]
    challenger: str
    champion: str | None  # None where nothing serves yet
    baseline: str  # in words, what the challenger was compared with
    headline: str  # name of the compared score
    comparison: Comparison | None  # over the rows whose labels both know; None where nothing could be compared
    new_labels: tuple[NewLabel, ...]
    lost_labels: tuple[LostLabel, ...]
    unjudged_labels: tuple[str, ...]  # known to the challenger, with too few judge rows
    rows_needed: int | None  # further judge rows that would decide with 80% power; only when undecided
    state: State = State.COMPARED
    route: Route | None = None  # None where it is not promoted
    use: JudgeUse | None = None  # of judge rows over time; None where they were asked this once
    parts: tuple[Part, ...] = ()  # labels that both know, and slices; empty where there is no champion
    recent: RecentWindow | None = None  # None where there is no champion
    answers_alike: bool = False  # the challenger knows and answers what the champion does, on every row

    @property
    def first_champion(self) -> bool:
        return self.champion is None

    @property
    def p_value(self) -> float | None:
        """One-sided: the challenger is better."""
        return self.comparison.p_better if self.comparison else None

    @property
    def difference(self) -> float | None:
        return self.comparison.difference if self.comparison else None

    @property
    def interval(self) -> Interval | None:
        return self.comparison.interval if self.comparison else None

    @property
    def n_rows(self) -> int:
        return self.comparison.n_rows if self.comparison else 0

    @property
    def n_wins(self) -> int:
        return self.comparison.n_wins if self.comparison else 0

    @property
    def n_losses(self) -> int:
        return self.comparison.n_losses if self.comparison else 0

    def to_json(self) -> dict[str, JsonValue]:
        return to_json(self)

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Raises DamagedRecord."""
        return from_json(cls, value)
