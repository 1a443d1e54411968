"""A labelled or unlabelled text, as every part of the library passes it around."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue


class Split(StrEnum):
    """What a row may be used for, for life. `fsl.data.splits` decides; nothing ever changes it."""

    TRAIN = "train"  # fits weights and heads
    TUNE = "tune"  # temperature, thresholds, int8 recipe, choice between candidates
    JUDGE = "judge"  # the gate alone
    BARRED = "barred"  # would bridge two splits, so it is used for nothing


@dataclass(frozen=True, slots=True)
class Sample:
    """One row that was accepted."""

    row_id: str  # digest of where it came from: stable, unique
    text: str
    target: JsonValue  # canonical form of the problem; None when unlabelled
    split: Split
    group: str  # texts of one group are alike enough that they must share a split
    time: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)  # what stood in `data.attribute_columns`
    inclusion: float | None = None  # of an audit row: the probability with which it was drawn from traffic
