"""Why a whole file is not taken in. What is wrong with one row is a reason in quarantine, never an error.

Whenever one of these is raised, nothing of the file was committed and the object in the inbox is as it was.
"""

from dataclasses import dataclass
from typing import ClassVar

from fsl.errors import FslError


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rows of a file have one fault, and what one of them says."""

    code: str
    n: int
    example: str  # "line 7: the label is empty"


@dataclass(eq=False)
class UnknownFormat(FslError):
    """A name that does not say how the file is to be read."""

    name: str

    def __str__(self) -> str:
        return (
            f"{self.name}: the name does not say how to read it. Name it .jsonl, .csv or .parquet, or one of these "
            "with .gz behind it."
        )


@dataclass(eq=False)
class UnreadableFile(FslError):
    """The file as a whole is broken."""

    name: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.name} cannot be read: {self.reason}. Nothing of it was taken in; mend the file and drop it again."
        )


@dataclass(eq=False)
class FileTooLarge(FslError):
    """More bytes than the config allows, counted after decompression."""

    name: str
    max_mb: int

    def __str__(self) -> str:
        return (
            f"{self.name} holds more than {self.max_mb} MB once decompressed, so reading stopped and nothing was taken "
            "in. Split the file, or raise `data.max_file_mb` in fsl.yaml."
        )


@dataclass(eq=False)
class MissingColumn(FslError):
    """No row of the file has a column that the config names."""

    name: str
    column: str
    key: str  # of fsl.yaml
    found: tuple[str, ...]
    near: str | None

    def __str__(self) -> str:
        found = ", ".join(map(repr, self.found)) or "none"
        hint = f"Did you mean {self.near!r}? Set" if self.near else "Rename the column, or set"
        return f"{self.name} has no column {self.column!r} (found: {found}). {hint} `{self.key}` in fsl.yaml."


@dataclass(eq=False)
class EmptyBatch(FslError):
    """A file without a single row."""

    name: str

    def __str__(self) -> str:
        return f"{self.name} holds no rows. Remove it from the inbox, or drop a file with rows under another name."


@dataclass(eq=False)
class BatchRefused(FslError):
    """Too many rows are bad for the rest to be trusted."""

    name: str
    n_read: int
    n_refused: int
    max_share: float
    reasons: tuple[ReasonCount, ...]

    def __str__(self) -> str:
        counts = "\n".join(f"  {reason.n} × {reason.code} ({reason.example})" for reason in self.reasons)
        return (
            f"{self.n_refused} of {self.n_read} rows of {self.name} were refused, more than the share of "
            f"{self.max_share:g} that is allowed, so nothing of it was taken in:\n{counts}\n"
            "Mend the file and drop it again, or raise `data.max_refused_share` in fsl.yaml."
        )


@dataclass(eq=False)
class UnknownLabelsRefused(FslError):
    """Labels that the project does not know, where the config refuses such files."""

    name: str
    labels: tuple[str, ...]  # each in words, with the nearest known label

    def __str__(self) -> str:
        shown = "\n".join(f"  {label}" for label in self.labels[:20])
        more = f"\n  and {len(self.labels) - 20} more" if len(self.labels) > 20 else ""
        return (
            f"{self.name} uses labels that this project does not know, so nothing of it was taken in:\n{shown}{more}\n"
            "Correct them, or set `data.on_unknown_label` in fsl.yaml to quarantine or accept."
        )


@dataclass(eq=False)
class OneLabelOnly(FslError):
    """There would be nothing to tell apart."""

    name: str
    label: str

    def __str__(self) -> str:
        return (
            f"after {self.name} the project would know one label only, {self.label!r}, and there would be nothing to "
            "tell apart, so nothing of it was taken in. Drop a file that holds rows of at least two labels."
        )


@dataclass(eq=False)
class LabelsAllNew(FslError):
    """Hardly a label of the file was ever seen."""

    name: str
    new: tuple[str, ...]
    share: float

    def __str__(self) -> str:
        more = f" and {len(self.new) - 10} more" if len(self.new) > 10 else ""
        return (
            f"{self.share:.0%} of the labelled rows of {self.name} have labels that are new "
            f"({', '.join(map(repr, self.new[:10]))}{more}), so nothing of it was taken in: were they renamed? If they "
            "are meant, set `data.max_new_label_share: 1` in fsl.yaml and run ingest again."
        )


@dataclass(eq=False)
class SuiteFault(FslError):
    """A suite that cannot be used."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"the suite {self.where} cannot be used: {self.reason}. Mend it, or remove `data.suite` from fsl.yaml."


@dataclass(eq=False)
class NoExportName(FslError):
    """A name under which an export would not be read back."""

    name: str

    def __str__(self) -> str:
        return (
            f"{self.name} would hold JSON Lines, and its name says something else, so nothing was written. Name it "
            "….jsonl: then it can be dropped again, and no spreadsheet takes a text for a formula."
        )


@dataclass(eq=False)
class HubFault(FslError):
    """A data set that could not be read by its name."""

    spec: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.spec} could not be read ({self.reason}), and nothing was dropped. Check the name, the split and "
            "the network, or download its files and drop those: fsl ingest FILE"
        )


@dataclass(eq=False)
class NotInInbox(FslError):
    """A file that is to be set aside, and is not there."""

    name: str
    there: tuple[str, ...]

    def __str__(self) -> str:
        there = ", ".join(self.there) or "nothing"
        return f"the inbox holds no {self.name}, so nothing was set aside. It holds: {there}."


@dataclass(eq=False)
class AmbiguousName(FslError):
    """Several files were dropped under one name."""

    name: str
    there: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.name} was dropped more than once, so nothing was set aside. Name one of them: "
            f"{', '.join(self.there)}."
        )


@dataclass(eq=False)
class AlreadyTakenIn(FslError):
    """A file that became a batch is not set aside."""

    name: str
    seq: int

    def __str__(self) -> str:
        return f"{self.name} is batch {self.seq} already, so it is not in the way of anything. Nothing was changed."


@dataclass(eq=False)
class SourceChanged(FslError):
    """The object was replaced while it was being read."""

    retryable: ClassVar[bool] = True
    name: str

    def __str__(self) -> str:
        return f"{self.name} was replaced while it was being read. Run ingest again once its upload is finished."


@dataclass(eq=False)
class NumberContended(FslError):
    """Other writers were quicker, again and again."""

    retryable: ClassVar[bool] = True
    name: str
    n_attempts: int

    def __str__(self) -> str:
        return (
            f"other writers took the next batch number {self.n_attempts} times in a row, so {self.name} was not "
            "committed yet. Run ingest again."
        )


@dataclass(eq=False)
class RuleBroken(FslError):
    """A validation rule that could not be evaluated."""

    rule: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the validation rule {self.rule!r} could not be evaluated: {self.reason}. Nothing was taken in. This is a "
            "fault of the rule, not of the data: please report it."
        )


@dataclass(eq=False)
class NothingAccepted(FslError):
    """A snapshot of a project that has no batch yet."""

    where: str

    def __str__(self) -> str:
        return f"{self.where} holds no accepted batch yet. Drop labelled samples and run `fsl ingest` first."


@dataclass(eq=False)
class NoSuchBatch(FslError):
    """A number that no batch has."""

    seq: int
    n_batches: int

    def __str__(self) -> str:
        held = f"the last is batch {self.n_batches}" if self.n_batches else "there is none yet"
        return f"there is no batch {self.seq}: {held}. `fsl data ls` lists them."


@dataclass(eq=False)
class TakenAway(FslError):
    """An old snapshot names unlabelled texts that retention has removed since."""

    where: str
    day: str

    def __str__(self) -> str:
        return (
            f"{self.where} was taken away on {self.day}, as `data.retention` in fsl.yaml asks, so this snapshot's "
            "unlabelled texts are no longer whole. `fsl retrain` takes a new snapshot of what is there."
        )


@dataclass(eq=False)
class BadSelection(FslError):
    """Words that do not say which rows are meant."""

    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.what}, so nothing was looked for and nothing was changed; {self.instead}."


@dataclass(eq=False)
class ForgettingContended(FslError):
    """Others forgot at the same time, again and again."""

    retryable: ClassVar[bool] = True
    n_attempts: int

    def __str__(self) -> str:
        return (
            f"others wrote a tombstone first, {self.n_attempts} times in a row, so nothing was removed for you yet. "
            "Run the same command again."
        )
