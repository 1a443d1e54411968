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
class EmptyWindow(FslError):
    """A window without a row was given to be compared."""

    version: str
    which: str

    def __str__(self) -> str:
        return (
            f"the {self.which} window of {self.version} holds no row, so there is nothing to compare. "
            "`read_windows` takes both from the log, and says how many rows are missing."
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


@dataclass(eq=False)
class NoSuchWindow(FslError):
    """No checked window, or several, answer to a name."""

    name: str
    n_found: int

    def __str__(self) -> str:
        if not self.name:
            return "no window was checked yet. Serve some texts, then: fsl drift run"
        many = f"{self.n_found} windows begin with" if self.n_found else "there is no window"
        return f"{many} {self.name!r}. `fsl drift history` lists them."


@dataclass(eq=False)
class NothingAsked(FslError):
    """A window's decision asks for no labels."""

    window: str
    action: str

    def __str__(self) -> str:
        return f"{self.window} asks for no labels: its action is {self.action}. `fsl drift history` lists all windows."
