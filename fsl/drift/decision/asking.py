"""Which rows of a window to ask labels for: a fifth by chance alone, for the audit, the rest where they tell most."""

import numpy as np

from fsl.drift.decision.decision import Asked
from fsl.drift.detectors.classifier import leave_one_out_scores
from fsl.drift.detectors.traits import Traits
from fsl.drift.windows.window import Window

_AUDIT_SHARE = 0.2  # as in the label queue


def choose_rows(window: Window, traits: tuple[Traits, Traits], n: int, *, seed: int) -> tuple[Asked, ...]:
    """Return up to n rows of the current window, the audit rows first.

    An audit row's inclusion is its chance of having been among those that were drawn.
    """
    n = min(n, window.n_rows)
    n_audit = min(n, max(1, round(_AUDIT_SHARE * n)))
    drawn = np.random.default_rng(seed).permutation(window.n_rows)[:n_audit]
    rows = traits[0].join(traits[1])
    is_current = np.zeros(rows.n_rows)
    is_current[traits[0].n_rows :] = 1.0
    everywhere = np.zeros(rows.n_rows, dtype=np.intp)
    has_texts = rows.embeddings.shape[1] > 0
    scores = leave_one_out_scores(rows.embeddings, is_current, everywhere) if has_texts else is_current
    # New and unsure: the two ranks together.
    order = np.argsort(-scores[traits[0].n_rows :], kind="stable")
    unsure = np.argsort(np.nan_to_num(traits[1].confidence, nan=0.0), kind="stable")
    places = np.empty((2, window.n_rows))
    places[0, order], places[1, unsure] = np.arange(window.n_rows), np.arange(window.n_rows)
    taken = set(drawn.tolist())
    picked = [int(row) for row in np.argsort(places.sum(axis=0), kind="stable") if int(row) not in taken]
    audit = [Asked(window.ids[row], n_audit / window.n_rows) for row in drawn]
    return (*audit, *(Asked(window.ids[row], None) for row in picked[: n - n_audit]))
