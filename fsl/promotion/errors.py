"""What can go wrong when a person decides about a version. Nothing was changed where one of these is raised."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class ApprovalNeeded(FslError):
    """A run may not promote what a person must approve."""

    version: str
    why: str

    def __str__(self) -> str:
        return (
            f"{self.version} was not made the champion: {self.why}. "
            f'Decide: fsl models approve {self.version} --reason "…", or fsl models refuse {self.version} --reason "…"'
        )


@dataclass(eq=False)
class NoRequest(FslError):
    """Nobody was asked about the version."""

    version: str

    def __str__(self) -> str:
        return (
            f"{self.version} does not wait for anybody: `fsl models waiting` lists what does. To make it the champion "
            f'against its verdict: fsl models promote {self.version} --reason "…"'
        )


@dataclass(eq=False)
class TimeIsUp(FslError):
    """Nobody answered in time."""

    version: str
    until: str

    def __str__(self) -> str:
        return (
            f"{self.version} waited until {self.until}, and no answer in time is a refusal (gate.approval_hours). "
            f"What serves stays. A retrain with new rows makes a version that can be asked about."
        )


@dataclass(eq=False)
class AlreadyDecided(FslError):
    """Somebody decided before."""

    version: str
    answer: str
    who: str
    when: str
    why: str

    def __str__(self) -> str:
        return (
            f"{self.version} was {self.answer} by {self.who} on {self.when}: {self.why}. A decision stands; "
            f"`fsl models log` shows what serves, and `fsl models rollback` goes back."
        )


@dataclass(eq=False)
class ChampionChanged(FslError):
    """The verdict was reached against a champion that no longer serves."""

    version: str
    judged_against: str | None
    serving: str | None

    def __str__(self) -> str:
        return (
            f"{self.version} was judged against {self.judged_against or 'nothing'}, but {self.serving or 'nothing'} "
            f"serves now, so that verdict says nothing of it and the champion stays. Retrain, and decide on what "
            f"comes out: fsl retrain"
        )
