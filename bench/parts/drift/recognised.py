"""How well a topic can be known by its rows at all: what a classifier recognises that learnt from thousands of them."""

import numpy as np

from bench.cells import Facts
from bench.parts.drift.texts import load_texts
from bench.parts.public_data import OUT_OF_SCOPE

N_ROWS, N_LEARNT = 8000, 5000
MISTAKEN = 0.05  # share of other rows that may be taken for the topic's


def measure_recognised(name: str) -> Facts:
    """Return for each domain the share of its rows that are recognised while so many others are mistaken for it."""
    from sklearn.linear_model import LogisticRegression

    data = load_texts(name)
    known = np.flatnonzero(data.domains != OUT_OF_SCOPE)
    rows = np.random.default_rng(0).permutation(known)[:N_ROWS]
    learnt, asked = rows[:N_LEARNT], rows[N_LEARNT:]
    shares = {}
    for domain in np.unique(data.domains[known]):
        is_one = data.domains == domain
        head = LogisticRegression(C=10.0, max_iter=200).fit(data.vectors[learnt], is_one[learnt])
        scores = head.decision_function(data.vectors[asked])
        bound = np.quantile(scores[~is_one[asked]], 1 - MISTAKEN)
        shares[str(domain)] = float((scores[is_one[asked]] > bound).mean())
    return {"name": name, "n_learnt": len(learnt), "shares": shares}
