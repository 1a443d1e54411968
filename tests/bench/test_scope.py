"""The out-of-scope benchmark: its scores are the papers', and its table tells what was found."""

import numpy as np
import pytest

from bench.scope import SHIPS, compute_scores, section
from fsl.learning.heads import Head
from fsl.learning.refitting import LabelledVectors


def test_every_score_puts_a_text_amid_its_label_above_one_far_from_all() -> None:
    generator = np.random.default_rng(0)
    targets = np.arange(90) % 3
    vectors = (4 * np.eye(3, 6)[targets] + generator.normal(size=(90, 6))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    head = Head(8 * np.eye(6, 3, dtype=np.float32), np.zeros(3, np.float32))
    asked = np.array([[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]], np.float32)

    scores = compute_scores(LabelledVectors(vectors, targets, np.arange(90)), head, asked)

    assert len(scores) == 6
    assert all(near > far for near, far in scores.values())
    mean = vectors[targets == 0].mean(axis=0)
    assert scores[SHIPS][0] == pytest.approx(-np.square(asked[0] - mean).sum(), abs=1e-5)


def test_the_table_gives_mean_and_range_over_draws() -> None:
    def cell(area: float) -> dict[str, object]:
        told = {"auroc": area, "accepted": 0.25}
        served = {"known_answered": 0.95, "wrong_of_known": 0.04, "outside_answered": 0.2}
        return {
            "accuracy": 0.9,
            "scores": {SHIPS: {"tune": told, "test": told}},
            "served": {"scope_recall: 0.95": served},
        }

    table = section({(10, 0): cell(0.9), (10, 1): cell(0.8)}, "a machine")

    assert f"| 10 | **{SHIPS}** | 0.850 (0.800 to 0.900) |" in table
    assert "| 10 | scope_recall: 0.95 | 95.0% (95.0% to 95.0%) | 4.0% (4.0% to 4.0%) |" in table
    assert "| 10 | no limits | 100.0% | 10.0%" in table
