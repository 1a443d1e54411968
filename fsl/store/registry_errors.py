"""How a version or an alias can refuse, as types: the facts, and a next step."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class FileRefused(FslError):
    """A file that may not enter a version."""

    path: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.path} may not enter a version: {self.reason}. A version holds .safetensors, .onnx, .json, .md, "
            ".txt and .parquet files, since none of these can run code. Nothing was published."
        )


@dataclass(eq=False)
class FactsRefused(FslError):
    """The facts of a version are not JSON."""

    version: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the facts of version {self.version!r} cannot be kept: {self.reason}. Use text, finite numbers, lists and "
            "objects only (null for a score that there is not). Nothing was published."
        )


@dataclass(eq=False)
class NoSuchVersion(FslError):
    """The registry has no such version."""

    version: str
    where: str

    def __str__(self) -> str:
        return f"there is no version {self.version!r} in {self.where}. `fsl models ls` lists those there are."


@dataclass(eq=False)
class VersionTaken(FslError):
    """A version of this name exists with other files or facts; versions never change."""

    version: str
    where: str

    def __str__(self) -> str:
        return (
            f"version {self.version!r} exists in {self.where} with other contents, and a version never changes. "
            "Publish under another name."
        )


@dataclass(eq=False)
class NoSuchAlias(FslError):
    """The alias was never moved to anything."""

    alias: str
    where: str

    def __str__(self) -> str:
        return (
            f"the alias {self.alias!r} names no version in {self.where} yet. `fsl models promote` gives the champion "
            "one, `fsl models tag` any other alias."
        )


@dataclass(eq=False)
class AliasMoved(FslError):
    """Somebody moved the alias since it was looked at."""

    alias: str
    seen: int
    winner_seq: int
    winner_version: str
    winner_who: str

    def __str__(self) -> str:
        seen = f"move {self.seen}" if self.seen else "no move at all"
        return (
            f"{self.winner_who} moved {self.alias!r} to {self.winner_version!r} (move {self.winner_seq}) after {seen} "
            "was seen, so this move was not made. Compare with that version, and decide again."
        )


@dataclass(eq=False)
class BrokenChain(FslError):
    """The moves of an alias do not follow from one another, so none of them is trusted."""

    alias: str
    where: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the moves of alias {self.alias!r} cannot be trusted: {self.where} {self.reason}. Nothing was loaded or "
            "moved. Restore that object from a backup; a move is never edited or deleted."
        )


@dataclass(eq=False)
class NothingToRollBackTo(FslError):
    """The alias has named one version only."""

    alias: str
    version: str

    def __str__(self) -> str:
        return f"{self.alias!r} has named no version but {self.version!r}, so there is none to go back to."
