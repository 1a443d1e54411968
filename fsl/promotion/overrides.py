"""A person's own moves: a version made champion over the gate's head, and names of the user's own.

What a verdict allows by itself is `fsl.promotion.promote`; the protocol of a move is `fsl.store.aliases`.
"""

from dataclasses import dataclass
from datetime import datetime

from fsl.errors import FslError
from fsl.project import Project
from fsl.promotion.promote import why_barred
from fsl.store.aliases import CHALLENGER, CHAMPION, Move, current_move, move_alias
from fsl.store.errors import BadName
from fsl.store.keys import checked_name
from fsl.store.registry import Registry

VERDICT = "override"


@dataclass(eq=False)
class AlreadyThere(FslError):
    """The alias names this version already."""

    alias: str
    version: str
    seq: int

    def __str__(self) -> str:
        return (
            f"{self.alias!r} names {self.version} already (move {self.seq}), so nothing was moved. "
            f"`fsl models log --alias {self.alias}` says since when."
        )


@dataclass(eq=False)
class LeftByRollback(FslError):
    """Somebody left this version because it was bad."""

    reason: str

    def __str__(self) -> str:
        return (
            f"{self.reason}; nothing was moved. If this one is to serve again all the same, say so with "
            "--despite-rollback."
        )


@dataclass(frozen=True, slots=True)
class Override:
    """A move, and what it replaced."""

    move: Move
    before: Move | None


def check_not_left(project: Project, version: str) -> None:
    """Raise LeftByRollback where a rollback left the version and nobody promoted it since."""
    barred = why_barred(project, version)
    if barred is not None:
        raise LeftByRollback(barred)


def promote_by_hand(
    project: Project, version: str, *, who: str, why: str, now: datetime, despite_rollback: bool = False
) -> Override:
    """Make a version the champion, whatever the gate said of it.

    Raises:
        NoSuchVersion, AlreadyThere: nothing was moved.
        LeftByRollback: it was left because it was bad, and nobody said `despite_rollback`.
        AliasMoved: somebody moved the champion meanwhile; nothing was changed.
    """
    if not despite_rollback:
        check_not_left(project, version)
    return _move(project.registry, CHAMPION, version, who, why, now)


def tag_version(registry: Registry, version: str, alias: str, *, who: str, why: str, now: datetime) -> Override:
    """Give one of the user's own aliases to a version.

    Raises:
        BadName: the name is no alias, or one that the product moves itself.
        NoSuchVersion, AlreadyThere, AliasMoved: nothing was moved.
    """
    checked_name("an alias", alias)
    if alias == CHAMPION:
        raise BadName("a tag", alias, "it serves, and `fsl models promote VERSION` moves it")
    if alias == CHALLENGER:
        raise BadName("a tag", alias, "every retrain moves it to the version that it made")
    return _move(registry, alias, version, who, why, now)


def _move(registry: Registry, alias: str, version: str, who: str, why: str, now: datetime) -> Override:
    seen = current_move(registry, alias)
    if seen is not None and seen.version == version:
        raise AlreadyThere(alias, version, seen.seq)
    made = move_alias(registry, alias, to=version, seen=seen, verdict=VERDICT, who=who, why=why, now=now)
    return Override(made, seen)
