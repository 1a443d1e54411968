"""What a version answered to each judge row: the only thing that metrics, paired tests and the gate look at.

Making a sheet is the predictor's work: it scores the exported bundle, one row at a time.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from pydantic import JsonValue

from fsl.evaluation.errors import RepeatedRow
from fsl.evaluation.examination.record import Examination
from fsl.evaluation.jsonable import Number, from_json, to_json


@dataclass(frozen=True, slots=True)
class RowScore:
    """One row: what is true, what was answered, and how sure the model was."""

    row_id: str
    truth: JsonValue
    answer: JsonValue
    confidence: Number  # 0 to 1
    correct: bool  # the whole answer is right
    scope: Number | None = None  # how near the text is to what the labels cover; None: the bundle does not tell
    abstained: str | None = None  # why the answer is not given when served; None: it is

    @property
    def is_usable(self) -> bool:
        """Whether the confidence is a probability; NaN and infinities are not."""
        return math.isfinite(self.confidence) and -1e-6 <= self.confidence <= 1 + 1e-6


@dataclass(frozen=True)
class ScoreSheet:
    """One version's answers to a set of rows. Rows stand in order of their ids, however they came."""

    version: str
    labels: tuple[str, ...]  # those the model can answer
    rows: tuple[RowScore, ...]
    latency_p50_ms: Number  # of one text at a time
    latency_p95_ms: Number
    size_bytes: int
    examination: Examination | None = None  # None: scored before there was one, or nobody asked for it

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(sorted(set(self.labels))))
        object.__setattr__(self, "rows", tuple(sorted(self.rows, key=lambda row: row.row_id)))
        for before, after in pairwise(self.rows):
            if before.row_id == after.row_id:
                raise RepeatedRow(self.version, after.row_id)

    def to_json(self) -> dict[str, JsonValue]:
        return to_json(self)

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Raises DamagedRecord."""
        return from_json(cls, value)
