"""What can go wrong when served traffic is looked at."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class NoPredictions(FslError):
    """The prediction log holds no row that could be looked at."""

    where: str
    version: str | None

    def __str__(self) -> str:
        what = f"of {self.version} " if self.version else ""
        return f"no served row {what}lies under {self.where}. Serve some texts first: `fsl predict --log`."


@dataclass(eq=False)
class TooFewRows(FslError):
    """A version has not served enough rows for two windows."""

    version: str
    have: int
    need: int

    def __str__(self) -> str:
        return (
            f"{self.version} has served {self.have} rows that can be used, and drift needs {self.need}: "
            f"`drift.reference_rows` for the reference and `drift.min_window_rows` beyond it. "
            f"Wait for {self.need - self.have} more, or lower one of the two."
        )


@dataclass(eq=False)
class MixedEncoders(FslError):
    """Rows of one version were embedded by several encoders, which no test may compare."""

    version: str
    encoders: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"rows of {self.version} carry embeddings of {len(self.encoders)} encoders ({', '.join(self.encoders)}), "
            f"and embeddings of two encoders cannot be compared. Look for a server that runs another bundle under "
            f"the same version."
        )


@dataclass(eq=False)
class DifferentEncoders(FslError):
    """Two windows were embedded by different encoders."""

    reference: str
    current: str

    def __str__(self) -> str:
        return (
            f"the reference was embedded by {self.reference} and the current window by {self.current}; embeddings of "
            f"two encoders cannot be compared. Read both windows of one version."
        )


@dataclass(eq=False)
class TooFewPermutations(FslError):
    """With so few permutations no p-value could ever be small enough to alarm."""

    have: int
    need: int

    def __str__(self) -> str:
        return (
            f"`drift.n_permutations` is {self.have}, and at this `drift.alpha` at least {self.need} are needed for "
            f"any alarm to be possible. Set it to {self.need} or more."
        )


@dataclass(eq=False)
class UnsafeReport(FslError):
    """A report page holds what an own page must not hold, so it is not stored."""

    what: str

    def __str__(self) -> str:
        return f"the drift report holds {self.what}, so it was not stored. Please report this, with the labels in use."


@dataclass(eq=False)
class DamagedDecision(FslError):
    """Stored JSON is no decision."""

    reason: str

    def __str__(self) -> str:
        return f"a drift decision cannot be read ({self.reason}). Remove it, and look at its window again."
