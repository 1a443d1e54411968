"""What the validation of one file found, as `page` shows it. Building it is `fsl.data.committing`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fsl.data.batches import FileOfBatch, Source
from fsl.data.checking.validation import RuleResult
from fsl.data.quarantine import ReasonGroup


@dataclass(frozen=True, slots=True)
class LabelLine:
    """One label of the accepted rows."""

    label: str
    n: int
    n_before: int  # rows of earlier batches
    is_new: bool


@dataclass(frozen=True)
class ValidationReport:
    """One batch: what came in, what did not and why, and how each rule fared."""

    source: Source
    columns: tuple[str, ...]
    columns_read: tuple[str, ...]
    n_read: int
    n_rows: int
    n_pool: int
    n_duplicates: int
    n_refused: int
    splits: Mapping[str, int]
    labels: tuple[LabelLine, ...]
    results: tuple[RuleResult, ...]  # one for each expectation
    groups: tuple[ReasonGroup, ...]
    barred: ReasonGroup | None  # accepted, and used for nothing
    when: datetime
    masked: Mapping[str, int] = field(default_factory=dict)  # personal data masked in texts, by kind
    files: tuple[FileOfBatch, ...] = ()  # where many came in together
