"""Successive halving: many candidates for a short while, fewer for longer, so that a budget goes to the promising.

Which candidates there are, and how one is scored, is the caller's. The one that is left is then fitted in full, and
only that fit is held against the plain student and the probe (`selection`).
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fsl.learning.selection.choice import Candidate

log = logging.getLogger(__name__)

Score = Callable[[str, float], Candidate]  # a candidate's name, and the share of its epochs that it is trained for


@dataclass(frozen=True)
class Halved:
    """Who is left, and what became of all others."""

    left: str | None  # None: the budget holds not even one fit in full
    out: tuple[Candidate, ...]  # those that are out, with what they cost and why


def halve(names: Sequence[str], score: Score, *, seconds: float, full_seconds: float) -> Halved:
    """Train all for a small share of their epochs, the better half for twice as many, and so on until one is left.

    A rung is begun only if it, and one fit in full after it, are expected to end in time; else the best so far is left,
    or the first in order where none was scored.

    Args:
        names: the simplest first; of two that score alike the first stays.
        seconds: what all of it may take, the fit in full of the one that is left among it.
        full_seconds: what one fit in full is expected to take.

    Source:
        Jamieson and Talwalkar 2016, Non-stochastic Best Arm Identification and Hyperparameter Optimization,
        arXiv:1502.07943, algorithm 1, with epochs as the resource.
    """
    if not names or seconds <= 0 or full_seconds > seconds:
        why = f"not trained: a fit of about {full_seconds:.0f} s is over what learning.budget_minutes leaves"
        return Halved(None, tuple(Candidate(name, (), 0.0, why) for name in names))
    standing, out, spent = list(names), list[Candidate](), 0.0
    costs, last = dict.fromkeys(names, 0.0), dict[str, Candidate]()
    for rung in range(math.ceil(math.log2(len(names))), 0, -1):
        share = 0.5**rung
        if spent + share * full_seconds * len(standing) + full_seconds > seconds:
            log.info("halving: the budget ends it with %d candidates standing", len(standing))
            break
        for name in standing:
            found = score(name, share)
            last[name], costs[name] = found, costs[name] + found.cost_seconds
            spent += found.cost_seconds
        standing.sort(key=lambda name: -_worth(last[name]))  # a stable sort: of equals the first stays
        n_kept = math.ceil(len(standing) / 2)
        out += [_outed(last[name], costs[name], share) for name in standing[n_kept:]]
        standing = standing[:n_kept]
    why = "not tried any further: the rest of learning.budget_minutes holds one fit in full"
    out += [
        replace(last.get(name, Candidate(name, (), 0.0)), cost_seconds=costs[name], note=why) for name in standing[1:]
    ]
    return Halved(standing[0], tuple(replace(one, log_likelihoods=()) for one in out))


def _worth(candidate: Candidate) -> float:
    return candidate.score if math.isfinite(candidate.score) else -math.inf


def _outed(candidate: Candidate, cost: float, share: float) -> Candidate:
    said = candidate.note if not candidate.log_likelihoods else f"{candidate.score:.3f} nats a row"
    return replace(candidate, cost_seconds=cost, note=f"out after {share:.0%} of its epochs: {said}")
