"""Which candidate ships. The probe is the floor: training must beat it on tune rows by more than noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsl.config import LearningConfig
from fsl.samples import Sample

MIN_TUNE_ROWS = 20  # with fewer, the standard error below means nothing


@dataclass(frozen=True)
class Candidate:
    """How one candidate did on tune rows, or on train rows that a rehearsal held out."""

    name: str
    log_likelihoods: tuple[float, ...]  # mean over a text's units, one for each tune row, in nats
    cost_seconds: float
    note: str = ""

    @property
    def score(self) -> float:
        """Mean log-likelihood, in nats; NaN where there is no tune row."""
        return float(np.mean(self.log_likelihoods)) if self.log_likelihoods else float("nan")


@dataclass(frozen=True)
class Choice:
    """Who won, and why, in words."""

    winner: str
    reason: str


def split_for_stopping(tune: Sequence[Sample], config: LearningConfig) -> tuple[list[Sample], list[Sample]]:
    """Return the tune rows that say when a fit stops, and those that are asked about everything else.

    One that stops where some rows are likeliest looks better on those than it is, so no other question is put to them.
    None stops anything where no fit has patience, or where either half would have too few rows to tell.
    """
    stops = any(max(one.teacher.patience, one.student.patience) > 0 for one in config.variants)
    if not stops or len(tune) < 2 * MIN_TUNE_ROWS:
        return [], list(tune)
    ordered = sorted(tune, key=lambda sample: sample.row_id)  # digests, so their order is as good as chance
    return ordered[1::2], ordered[::2]


def choose_candidate(probe: Candidate, trained: Sequence[Candidate]) -> Choice:
    """Return the trained candidate of the best score if it beats the probe by one standard error, else the probe.

    A candidate whose score is no finite number cannot win.

    Source:
        Breiman et al. 1984, Classification and Regression Trees: the one-standard-error rule, with the error of the
        paired difference.
    """
    n_rows = len(probe.log_likelihoods)
    if n_rows < MIN_TUNE_ROWS:
        reason = f"{n_rows} tune rows are too few to tell ({MIN_TUNE_ROWS} needed), so the probe ships"
        return Choice(probe.name, reason)
    usable = [candidate for candidate in trained if np.isfinite(candidate.score)]
    if not usable:
        return Choice(probe.name, "no trained candidate has a score, so the probe ships")
    best = max(usable, key=lambda candidate: candidate.score)
    gain, error = paired_gain(best, probe)
    if gain > error:
        return Choice(best.name, f"{best.name} beats the probe by {gain:.3f} nats a row (standard error {error:.3f})")
    return Choice(probe.name, f"{best.name} gains {gain:.3f} nats a row, within one standard error ({error:.3f})")


def also_against(choice: Choice, plain: Candidate, others: Sequence[Candidate]) -> Choice:
    """Return the choice with how far its winner is ahead of the plain student, where it is one of the others."""
    winner = next((one for one in others if one.name == choice.winner), None)
    if winner is None:
        return choice
    if not np.isfinite(plain.score):
        return Choice(choice.winner, f"{choice.reason}; {plain.name} has no score")
    gain, error = paired_gain(winner, plain)
    return Choice(choice.winner, f"{choice.reason}, and {plain.name} by {gain:.3f} (standard error {error:.3f})")


def prefer_simpler(candidates: Sequence[Candidate]) -> Candidate:
    """Return the first candidate, or a later one that beats all before it by more than one standard error.

    Args:
        candidates: at least one, the simplest first, all asked about the same rows.
    """
    held, *others = candidates
    for other in others:
        if len(other.log_likelihoods) < MIN_TUNE_ROWS or not np.isfinite(other.score):
            continue
        gain, error = paired_gain(other, held) if np.isfinite(held.score) else (np.inf, 0.0)
        if gain > error:
            held = other
    return held


def paired_gain(one: Candidate, other: Candidate) -> tuple[float, float]:
    """Return by how many nats a row one candidate is ahead of another, and the standard error of that."""
    gains: NDArray[np.float64] = np.asarray(one.log_likelihoods) - np.asarray(other.log_likelihoods)
    return float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
