"""The record behind a run's page: what a reader must see to say why a version was or was not promoted.

The same record is rendered three times: `report_page` (HTML for people), `report_markdown` (Prefect's artifact) and
`model_card` (the version's own README).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from pydantic import JsonValue

from fsl.config import GateConfig
from fsl.evaluation.comparison.changes import ConfusionChange, Forgetting, compare_confusions, measure_forgetting
from fsl.evaluation.comparison.flips import Flip, find_flips
from fsl.evaluation.errors import UnreadableAnswer
from fsl.evaluation.jsonable import Number, from_json, to_json
from fsl.evaluation.ruling.verdict import Verdict
from fsl.evaluation.scores.metrics import Scores, score_sheet
from fsl.evaluation.scores.records import ScoreSheet
from fsl.explaining.record import Explanation
from fsl.problems.base import Problem

MAX_FLIPS = 20
MAX_EXPLAINED = 5  # of each kind of flip

Explain = Callable[[str], Explanation | None]


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
    tune_score: Number | None  # mean log-likelihood of a tune row, in nats: below 0, the higher the better
    cost_seconds: float
    won: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the exported bundle weighs, and what int8 changed."""

    fp32_bytes: int
    int8_bytes: int | None  # of int8 or float16, whichever is served
    disagreement: float | None  # share of unlabelled texts whose answer int8 changes
    disagreement_bound: float | None  # its upper 95% bound
    served: str  # "fp32" or "int8"


@dataclass(frozen=True)
class DriftFacts:
    """What was last found of the champion's traffic."""

    window: str
    action: str
    reasons: tuple[str, ...]
    when: datetime


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
    drift: DriftFacts | None = None  # None: the champion's traffic was never compared


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
    confusions: tuple[ConfusionChange, ...] = ()  # the most changed first
    asks: str | None = None  # why a person has the last word; None: nobody is asked
    forgetting: Forgetting | None = None  # None: there was no champion to forget anything of

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
    explain: Explain = lambda text: None,
) -> RunReport:
    """Put a run together.

    Args:
        texts: the judge rows' texts by row id, of which the beginnings are kept.
        explain: says why the challenger answered a text as it did; asked about a few flipped texts.
    """
    wrong, right = find_flips(champion, challenger, texts) if champion else ([], [])

    def shown(flips: list[Flip]) -> tuple[Flip, ...]:
        explained = (replace(flip, explanation=explain(texts.get(flip.row_id, ""))) for flip in flips[:MAX_EXPLAINED])
        return (*explained, *flips[MAX_EXPLAINED:MAX_FLIPS])

    ours = _scores(challenger, problem)
    theirs = _scores(champion, problem) if champion else None
    is_compared = champion is not None and ours is not None and theirs is not None
    return RunReport(
        facts=facts,
        champion=theirs,
        challenger=ours,
        verdict=verdict,
        gate=gate,
        became_wrong=shown(wrong),
        became_right=shown(right),
        n_became_wrong=len(wrong),
        n_became_right=len(right),
        confusions=compare_confusions(champion, challenger, problem) if champion and is_compared else (),
        forgetting=measure_forgetting(champion, challenger, problem) if champion and is_compared else None,
    )


def _scores(sheet: ScoreSheet, problem: Problem) -> Scores | None:
    try:
        return score_sheet(sheet, problem)
    except UnreadableAnswer:
        return None  # the verdict already says so; the rest of the page still stands
