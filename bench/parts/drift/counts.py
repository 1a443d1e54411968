"""Counts of cells in words, for the tables of the drift bench."""

from collections.abc import Sequence

from bench.cells import Facts
from fsl.evaluation.scores.intervals import clopper_pearson_interval

Found = dict[str, list[Facts]]


def count_of(cells: Sequence[Facts], name: str) -> int:
    """Return the sum of a count over cells."""
    return sum(int(cell[name]) for cell in cells)


def share_of(hits: int, n: int) -> str:
    """Return a share with its 95% interval, in words."""
    if not n:
        return "not measured"
    bounds = clopper_pearson_interval(hits, n)
    return f"{hits} of {n}, {100 * hits / n:.1f}% ({100 * bounds.low:.1f} to {100 * bounds.high:.1f}%)"


def bound_of(hits: int, n: int) -> str:
    """Return the one-sided upper 95% bound of a share, in words."""
    return f"{100 * clopper_pearson_interval(hits, n, level=0.90).high:.1f}%"
