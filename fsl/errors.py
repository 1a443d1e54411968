"""What can go wrong, as types: the facts, a sentence, a next step, and whether trying again can help.

Only the base and the errors that several parts raise live here; a part's own errors stand in its `errors.py`.
An error is a dataclass, so that its facts survive a trip between processes and nobody parses a message.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass(eq=False)
class FslError(Exception):
    """Something a person can act on. `str(error)` says what happened, where, and what to do."""

    retryable: ClassVar[bool] = False

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions travel between workers; rebuilding from the fields keeps every fact.
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


@dataclass(eq=False)
class ConfigError(FslError):
    """A config that cannot be used. Every fault is listed, so that one look is enough."""

    where: str
    faults: tuple[str, ...]

    def __str__(self) -> str:
        faults = "\n".join(f"  {fault}" for fault in self.faults)
        return f"{self.where} does not describe a project:\n{faults}\n`fsl config schema` lists every key."


@dataclass(eq=False)
class MissingPackage(FslError):
    """A part needs a package that is not installed."""

    package: str
    needed_for: str
    extra: str

    def __str__(self) -> str:
        return f"{self.needed_for} needs the package {self.package!r}. Install it: pip install 'fsl[{self.extra}]'"


@dataclass(eq=False)
class DigestMismatch(FslError):
    """A file is not the one that was recorded, so it is not loaded."""

    what: str
    expected: str
    got: str

    def __str__(self) -> str:
        return (
            f"{self.what} has SHA-256 {self.got[:16]}…, but {self.expected[:16]}… was recorded, so it was not loaded. "
            f"Restore the file, or remove it so that it is fetched again."
        )
