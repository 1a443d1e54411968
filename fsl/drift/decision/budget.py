"""How much of the allowed false alarms is spent: one budget for all tests, shared out evenly over windows.

Every window's tests together alarm by luck with a chance of at most alpha / n; over n windows the chance of any false
alarm is at most alpha, however the windows depend on each other (Bonferroni). After n windows a new term begins.
A new champion has a new reference, and a new budget.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Where a version's budget stands after a window."""

    alpha: float
    n_windows: int
    place: int  # of the window in its term, from 1

    @property
    def level(self) -> float:
        return self.alpha / self.n_windows

    @property
    def spent(self) -> float:
        return self.level * self.place

    @property
    def words(self) -> str:
        return (
            f"window {self.place} of {self.n_windows}: {self.spent:.2%} of the {self.alpha:.0%} chance of any false "
            "alarm is spent"
        )


def compute_budget(alpha: float, n_windows: int, earlier: Iterable[str], window: str) -> Budget:
    """Return the budget after a window.

    Args:
        earlier: names of the version's windows that were looked at so far; a window looked at again costs nothing.
    """
    before = {name for name in earlier if name != window}
    return Budget(alpha, n_windows, len(before) % n_windows + 1)
