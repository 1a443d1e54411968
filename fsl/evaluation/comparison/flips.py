"""Rows on which exactly one of two versions is right."""

from collections.abc import Mapping
from dataclasses import dataclass

from fsl.evaluation.jsonable import Number
from fsl.evaluation.report.shown import describe_answer, shortened
from fsl.evaluation.scores.records import RowScore, ScoreSheet
from fsl.explaining.record import Explanation


@dataclass(frozen=True, slots=True)
class Flip:
    """A row on which exactly one of the two is right."""

    row_id: str
    text: str  # its beginning
    truth: str
    champion: str
    challenger: str
    confidence: Number  # the challenger's
    explanation: Explanation | None = None  # of the challenger's answer; only for some rows


def find_flips(champion: ScoreSheet, challenger: ScoreSheet, texts: Mapping[str, str]) -> tuple[list[Flip], list[Flip]]:
    """Return the rows that became wrong and those that became right, the surest first."""
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
