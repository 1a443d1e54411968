"""How much of alpha a test may take when many challengers ask the same judge rows. How a test is made is `paired`'s.

A champion that meets fifty equals, each with a chance of one in twenty to look better, would lose its place to one of
them almost surely. So all tests against one champion share one alpha. The first gets half of it, and each later one
less, so that the sum over any number of tests stays under alpha: by the union bound the champion is then replaced by
equals with at most that probability, however much the tests depend on each other. A promotion starts a new series.

Nothing is counted: what was used is read off the verdicts that are on record.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class JudgeUse:
    """Where a test stands in the series of all tests against one champion."""

    n_before: int  # challengers that this champion met on judge rows before
    n_verdicts: int  # verdicts on record before this one, whoever was the champion
    alpha_total: float  # that all tests of the series share
    alpha_spent: float  # by those before
    alpha: float  # of this test
    alpha_next: float  # of the one after

    @property
    def is_alone(self) -> bool:
        """Whether this is the only test that there will ever be."""
        return self.alpha_next == self.alpha_total

    @classmethod
    def alone(cls, alpha: float) -> Self:
        """Return the use of rows that are asked once and never again: the one test takes all of alpha."""
        return cls(0, 0, alpha, 0.0, alpha, alpha)


@dataclass(frozen=True, slots=True)
class PastTest:
    """What a verdict on record says about the use of judge rows."""

    seq: int  # its place among the verdicts against this champion, from 1
    challenger: str
    asked: bool  # the two were compared; else nothing was spent


def alpha_of_test(place: int, alpha: float, *, half_after: int = 1) -> float:
    """Return the level of the test at this place, from 1.

    The first n levels add up to alpha n / (n + half_after), and all of them to alpha.

    Source:
        Foster and Stine 2008, J. R. Statist. Soc. B 70:429-444 (alpha spending and what a discovery earns); Tian and
        Ramdas 2021, arXiv:1910.04900 (familywise error of a series without end).
    """
    return alpha * half_after / ((place - 1 + half_after) * (place + half_after))


def compute_use(
    past: Iterable[PastTest], challenger: str, alpha: float, *, half_after: int = 1, n_verdicts: int = 0
) -> JudgeUse:
    """Return where the next test against a champion stands.

    A challenger that was tested before keeps its place, so judging again gives the same verdict. A record that is
    missing from the numbering counts as a test: what was removed cannot be unseen.

    Args:
        past: every verdict against the champion that is on record, in any order.
        n_verdicts: on record against any champion, for the reader.
    """
    records = sorted(past, key=lambda one: one.seq)
    known = next((index for index, one in enumerate(records) if one.challenger == challenger), len(records))
    before = records[:known]
    last = records[known].seq - 1 if known < len(records) else (before[-1].seq if before else 0)
    n_before = last - sum(not one.asked for one in before)
    place = n_before + 1
    return JudgeUse(
        n_before=n_before,
        n_verdicts=n_verdicts,
        alpha_total=alpha,
        alpha_spent=alpha * n_before / (n_before + half_after),
        alpha=alpha_of_test(place, alpha, half_after=half_after),
        alpha_next=alpha_of_test(place + 1, alpha, half_after=half_after),
    )
