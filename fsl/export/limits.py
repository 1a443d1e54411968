"""From where on a bundle answers: limits of confidence and of scope, chosen on tune rows.

What becomes of a text beyond them is `fsl.serving.abstention`. Limits of rows that were learnt from would be too bold,
so they stand on rows that were not: tune rows, and for scope, where these are few, each train row without itself.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from fsl.config import ServingConfig
from fsl.evaluation.scores.intervals import clopper_pearson_bound
from fsl.export.heads import build_head
from fsl.learning.heads import Head
from fsl.learning.refitting import LabelledVectors
from fsl.learning.selection.choice import MIN_TUNE_ROWS
from fsl.serving.abstention import NO_LIMITS, Limits
from fsl.serving.bundle import HEAD
from fsl.serving.sessions import open_graph

log = logging.getLogger(__name__)

_COVERAGES = tuple(share / 20 for share in range(20, 0, -1))
_ALPHA = 0.05

Floats = NDArray[np.float32] | NDArray[np.float64]
_NOTHING: tuple[Floats, Floats] = np.empty((0, 1), np.float32), np.empty(0, np.float32)


@dataclass(frozen=True)
class FoundLimits:
    """The limits, and in words what they stand on."""

    limits: Limits
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """Return what a version's manifest keeps of them."""
        return {
            "confidence": self.limits.confidence,
            "scope": self.limits.scope,
            "reasons": list(self.reasons),
        }


NONE_FOUND = FoundLimits(NO_LIMITS)


def label_means(rows: LabelledVectors) -> NDArray[np.float32]:
    """Return the mean vector of every label that a row shows, (n_present, hidden)."""
    return np.stack([rows.vectors[rows.targets == label].mean(axis=0) for label in np.unique(rows.targets)])


def write_head(
    folder: Path,
    head: Head,
    train: LabelledVectors,
    tune: LabelledVectors,
    serving: ServingConfig,
    *,
    half: bool = False,
) -> FoundLimits:
    """Write a classifier's head with the means of its labels, and find the limits that the config asks for.

    Args:
        train: what the head was fitted to; it may be empty.
        tune: may be empty; of labels that the head knows.
    """
    build_head(head, folder / HEAD, half=half, means=label_means(train) if len(train.targets) else None)
    found = find_limits(folder, train, tune, serving)
    for reason in found.reasons:
        log.info("limits: %s", reason)
    return found


def find_limits(folder: Path, train: LabelledVectors, tune: LabelledVectors, serving: ServingConfig) -> FoundLimits:
    """Return the limits that the config asks for, by what the head's graph in a folder says of tune rows."""
    confidence, scope, reasons = serving.abstain_below, None, []
    probabilities, scopes = _ask_head(folder, tune.vectors) if serving.abstains else _NOTHING
    if serving.max_error_when_answering is not None:
        right = probabilities.argmax(axis=1) == tune.targets if len(tune.targets) else np.empty(0, np.bool_)
        confidence, reason = choose_confidence(probabilities.max(axis=1), right, serving.max_error_when_answering)
        reasons.append(reason)
    if serving.scope_recall is not None:
        enough = len(scopes) >= MIN_TUNE_ROWS
        scope, reason = choose_scope(scopes if enough else scopes_without_self(train), serving.scope_recall)
        reasons.append(reason if enough else f"{reason}; train rows, since tune rows are only {len(tune.targets)}")
    return FoundLimits(Limits(confidence, scope), tuple(reasons))


def choose_confidence(confidences: Floats, right: NDArray[np.bool_], max_error: float) -> tuple[float | None, str]:
    """Return the confidence from which on so few answers are wrong, and why it is that one; None: all are given.

    Twentieths of the rows are tried, from all of them down to the surest. One is taken when the upper bound of its
    errors is within the target, with the level shared by all that are tried; when none is, the first whose observed
    errors are.

    Source:
        Geifman and El-Yaniv 2017, arXiv:1705.08500: selection with guaranteed risk, by exact binomial bounds.
    """
    if len(right) < MIN_TUNE_ROWS:
        return (
            None,
            f"no limit of confidence: {len(right)} tune rows are too few to choose it, {MIN_TUNE_ROWS} would do",
        )
    ranked = np.sort(confidences)[::-1]
    tried = [float(ranked[math.ceil(share * len(ranked)) - 1]) for share in _COVERAGES]
    found = [(limit, int((~right[confidences >= limit]).sum()), int((confidences >= limit).sum())) for limit in tried]
    bounds = [clopper_pearson_bound(n_wrong, n_given, level=1 - _ALPHA / len(tried)) for _, n_wrong, n_given in found]
    proven = next((row for row, bound in enumerate(bounds) if bound <= max_error), None)
    row = (
        proven if proven is not None else next((row for row, (_, n, m) in enumerate(found) if n <= max_error * m), None)
    )
    if row is None:
        return 1.0, f"no confidence keeps wrong answers within {max_error:.1%} on {len(right)} tune rows: none is given"
    limit, n_wrong, n_given = found[row]
    shown = f"{n_wrong} of {n_given} answers from {limit:.3f} on are wrong, of {len(right)} tune rows"
    bound = f"upper bound {bounds[row]:.1%}, allowed {max_error:.1%}"
    return limit, f"{shown} ({bound}{'' if proven is not None else '; more rows could prove it'})"


def choose_scope(scopes: Floats, recall: float) -> tuple[float | None, str]:
    """Return the scope that at least so large a share of known texts reaches, and what it stands on."""
    if len(scopes) == 0:
        return None, "no limit of scope: there is no row that was not learnt from"
    limit = float(np.quantile(scopes, 1.0 - recall, method="lower"))
    kept = int((scopes >= limit).sum())
    return limit, f"{kept} of {len(scopes)} known texts reach a scope of {limit:.3f}"


def scopes_without_self(rows: LabelledVectors) -> NDArray[np.float64]:
    """Return the scope of every row whose label others show too, its label's mean taken without it."""
    labels, own, counts = np.unique(rows.targets, return_inverse=True, return_counts=True)
    vectors = rows.vectors.astype(np.float64)
    sums = np.zeros((len(labels), vectors.shape[1]))
    np.add.at(sums, own, vectors)
    means = sums / counts[:, None]
    kept = counts[own] > 1
    distances = np.square(means).sum(axis=1) - 2.0 * vectors[kept] @ means.T
    left = (sums[own[kept]] - vectors[kept]) / (counts[own[kept]] - 1)[:, None]
    distances[np.arange(len(left)), own[kept]] = np.square(left).sum(axis=1) - 2.0 * (vectors[kept] * left).sum(axis=1)
    return np.asarray(-(np.square(vectors[kept]).sum(axis=1) + distances.min(axis=1, initial=np.inf)))


def _ask_head(folder: Path, vectors: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Return the probabilities and the scope of vectors, as they will be served."""
    session = open_graph(folder, HEAD, 1)
    if len(vectors) == 0 or len(session.get_outputs()) < 3:
        return _NOTHING
    probabilities, scopes = session.run(["probabilities", "scope"], {"embeddings": vectors})
    return probabilities, scopes
