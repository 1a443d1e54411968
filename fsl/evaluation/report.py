"""The record behind a run's page: what a reader must see to say why a version was or was not promoted.

The same record is rendered three times: `report_page` (HTML for people), `report_markdown` (Prefect's artifact) and
`model_card` (the version's own README).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import JsonValue

from fsl.config import GateConfig
from fsl.evaluation.errors import UnreadableAnswer
from fsl.evaluation.jsonable import Number, from_json, to_json
from fsl.evaluation.metrics import Scores, score_sheet
from fsl.evaluation.records import RowScore, ScoreSheet
from fsl.evaluation.shown import describe_answer, shortened
from fsl.evaluation.verdict import Verdict
from fsl.problems.base import Problem

MAX_FLIPS = 20


@dataclass(frozen=True, slots=True)
class LabelRows:
    """How many labelled rows of one label there are."""

    label: str
    n_train: int
    n_tune: int
    n_judge: int


@dataclass(frozen=True)
class DataFacts:
    """What the run learnt from and was judged on."""

    snapshot: str
    labels: tuple[LabelRows, ...]
    n_pool: int  # unlabelled texts


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way of learning that was tried."""

    name: str
    tune_score: Number | None  # the headline score on tune rows
    cost_seconds: float
    won: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the exported bundle weighs, and what int8 changed."""

    fp32_bytes: int
    int8_bytes: int | None
    disagreement: float | None  # share of unlabelled texts whose answer int8 changes
    disagreement_bound: float | None  # its upper 95% bound
    served: str  # "fp32" or "int8"


@dataclass(frozen=True)
class RunFacts:
    """What only the run itself knows; scores and verdict are added by `build_report`."""

    project: str
    kind: str  # of problem
    when: datetime
    trigger: str  # in words, why the run was started
    data: DataFacts
    candidates: tuple[Candidate, ...]
    footprint: Footprint


@dataclass(frozen=True, slots=True)
class Flip:
    """A row on which exactly one of the two is right."""

    row_id: str
    text: str  # its beginning
    truth: str
    champion: str
    challenger: str
    confidence: Number  # the challenger's


@dataclass(frozen=True)
class RunReport:
    """Everything that the pages show."""

    facts: RunFacts
    champion: Scores | None  # None: nothing serves yet, or its answers cannot be read
    challenger: Scores | None
    verdict: Verdict
    gate: GateConfig
    became_wrong: tuple[Flip, ...]  # at most MAX_FLIPS, the surest first
    became_right: tuple[Flip, ...]
    n_became_wrong: int
    n_became_right: int

    def to_json(self) -> dict[str, JsonValue]:
        return to_json(self)

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Raises DamagedRecord."""
        return from_json(cls, value)


def build_report(
    facts: RunFacts,
    champion: ScoreSheet | None,
    challenger: ScoreSheet,
    texts: Mapping[str, str],
    verdict: Verdict,
    problem: Problem,
    gate: GateConfig,
) -> RunReport:
    """Put a run together; `texts` gives the judge rows' texts by row id, of which the beginnings are kept."""
    wrong, right = _find_flips(champion, challenger, texts)
    return RunReport(
        facts=facts,
        champion=_scores(champion, problem) if champion else None,
        challenger=_scores(challenger, problem),
        verdict=verdict,
        gate=gate,
        became_wrong=tuple(wrong[:MAX_FLIPS]),
        became_right=tuple(right[:MAX_FLIPS]),
        n_became_wrong=len(wrong),
        n_became_right=len(right),
    )


def _scores(sheet: ScoreSheet, problem: Problem) -> Scores | None:
    try:
        return score_sheet(sheet, problem)
    except UnreadableAnswer:
        return None  # the verdict already says so; the rest of the page still stands


def _find_flips(
    champion: ScoreSheet | None, challenger: ScoreSheet, texts: Mapping[str, str]
) -> tuple[list[Flip], list[Flip]]:
    """Return the rows that became wrong and those that became right, the surest first."""
    if champion is None:
        return [], []
    pairs = list(zip(champion.rows, challenger.rows, strict=True))
    pairs.sort(key=lambda pair: -pair[1].confidence if pair[1].is_usable else 0.0)
    wrong = [_flip(before, after, texts) for before, after in pairs if before.correct and not after.correct]
    right = [_flip(before, after, texts) for before, after in pairs if after.correct and not before.correct]
    return wrong, right


def _flip(before: RowScore, after: RowScore, texts: Mapping[str, str]) -> Flip:
    text = texts.get(after.row_id, "")
    return Flip(
        row_id=after.row_id,
        text=shortened(text),
        truth=describe_answer(after.truth, text),
        champion=describe_answer(before.answer, text),
        challenger=describe_answer(after.answer, text),
        confidence=after.confidence,
    )
