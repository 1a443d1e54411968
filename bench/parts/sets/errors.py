"""Why a public data set could not be had, as types: the facts, a sentence, and a next step."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from fsl.errors import FslError


@dataclass(eq=False)
class FetchError(FslError):
    """A set that was not fetched. Others may still be, unless `ends_all` says that the same fault awaits them."""

    ends_all: ClassVar[bool] = False


@dataclass(eq=False)
class UnknownSet(FetchError):
    """A name that is none of the sets'."""

    names: tuple[str, ...]
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"there is no set {', '.join(self.names)}. There are: {', '.join(self.known)}."


@dataclass(eq=False)
class SourceUnreachable(FetchError):
    """No answer, or one that broke off."""

    url: str
    reason: str
    retryable: ClassVar[bool] = True
    ends_all: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"{self.url} cannot be reached: {self.reason}. Check the network and run the command again; "
            "sets that are there already are not fetched twice."
        )


@dataclass(eq=False)
class SourceRefused(FetchError):
    """The server answered, but not with the file."""

    url: str
    status: int

    def __str__(self) -> str:
        why = "is not there any more" if self.status in (404, 410) else f"was refused with status {self.status}"
        return (
            f"{self.url} {why}. Open it in a browser: if the repository has moved, correct its entry in "
            "bench/parts/sets/sources.py; otherwise try again later."
        )


@dataclass(eq=False)
class SourceTooLarge(FetchError):
    """More bytes than any of the raw files has."""

    url: str
    limit_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.url} has more than {self.limit_bytes:,} bytes, so it was not read to its end. It is not the file "
            "that the figures were measured on: look at it in a browser before anything else."
        )


@dataclass(eq=False)
class SourceChanged(FetchError):
    """A raw file in another form than the one that was converted."""

    name: str
    repository: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the raw files of {self.name} in {self.repository} have another form than expected ({self.reason}), so "
            "nothing was written. Compare them with the converter that bench/parts/sets/sources.py names for this set."
        )


@dataclass(eq=False)
class OtherRowsThere(FetchError):
    """The set's folder exists and holds something else."""

    folder: Path

    def __str__(self) -> str:
        return (
            f"{self.folder} is there already and holds other rows, so it was left as it is. Move it away, or name "
            "another folder with --to."
        )


@dataclass(eq=False)
class FolderUnusable(FetchError):
    """The folder for the sets cannot be made, read or written."""

    folder: Path
    reason: str
    ends_all: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"{self.folder} cannot be used: {self.reason}. Name another folder with --to."
