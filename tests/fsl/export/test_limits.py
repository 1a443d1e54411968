"""Limits: from where on a bundle answers, chosen on rows that were not learnt from."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.config import ServingConfig
from fsl.export.limits import (
    choose_confidence,
    choose_scope,
    find_limits,
    label_means,
    scopes_without_self,
    write_head,
)
from fsl.learning.heads import Head
from fsl.learning.refitting import LabelledVectors
from fsl.serving.sessions import open_graph

NONE = LabelledVectors(np.empty((0, 4), np.float32), np.empty(0, np.int64), np.empty(0, np.int64))


def rows_of(n: int, *, seed: int = 0, n_labels: int = 3) -> LabelledVectors:
    """Rows of unit length, those of a label near to each other."""
    generator = np.random.default_rng(seed)
    targets = np.arange(n) % n_labels
    vectors = 3 * np.eye(n_labels, 4)[targets] + generator.normal(size=(n, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return LabelledVectors(vectors.astype(np.float32), targets, np.arange(n))


def test_all_answers_are_given_where_so_few_are_wrong_that_it_is_proven() -> None:
    right = np.ones(400, np.bool_)
    right[:2] = False

    limit, why = choose_confidence(np.linspace(0.5, 1.0, 400), right, 0.05)

    assert limit == 0.5
    assert why.startswith("2 of 400 answers from 0.500 on are wrong, of 400 tune rows (upper bound ")
    assert why.endswith("allowed 5.0%)")


def test_the_least_sure_are_withheld_until_the_rest_is_proven() -> None:
    confidences = np.linspace(0.0, 1.0, 1001)[1:]
    right = confidences > 0.3  # all below are wrong, none above

    limit, _ = choose_confidence(confidences, right, 0.02)

    assert limit == pytest.approx(0.301)  # 70% of the rows, and not one is wrong


def test_what_cannot_be_proven_is_chosen_by_what_was_seen_and_says_so() -> None:
    right = np.array([False] * 3 + [True] * 27)

    limit, why = choose_confidence(np.arange(30) / 100, right, 0.05)

    assert limit == 0.03  # of 29 given, 2 would be wrong, 6.9%; the next twentieth gives 27
    assert why.endswith("; more rows could prove it)")


def test_where_no_confidence_helps_nothing_is_given_and_few_rows_choose_nothing() -> None:
    assert choose_confidence(np.full(40, 0.9), np.zeros(40, np.bool_), 0.1)[0] == 1.0
    limit, why = choose_confidence(np.full(19, 0.9), np.ones(19, np.bool_), 0.1)
    assert (limit, why) == (None, "no limit of confidence: 19 tune rows are too few to choose it, 20 would do")


@settings(max_examples=50, deadline=None)
@given(scopes=st.lists(st.floats(-2, 0), min_size=1, max_size=60), recall=st.floats(0.01, 0.99))
def test_at_least_the_wanted_share_of_known_texts_is_in_scope(scopes: list[float], recall: float) -> None:
    limit, _ = choose_scope(np.array(scopes), recall)

    assert np.mean(np.array(scopes) >= limit) >= recall - 1e-9


def test_the_scope_of_a_row_without_itself_is_worked_out_one_by_one() -> None:
    rows = rows_of(12)
    alone = LabelledVectors(
        np.concatenate([rows.vectors, rows.vectors[:1]]), np.append(rows.targets, 7), np.arange(13)
    )  # the only row of its label

    found = scopes_without_self(alone)

    expected = []
    for row in range(12):
        others = np.arange(13) != row
        means = [
            alone.vectors[others & (alone.targets == label)].mean(axis=0) for label in np.unique(alone.targets[others])
        ]
        expected.append(-min(float(np.square(alone.vectors[row] - mean).sum()) for mean in means))
    assert found == pytest.approx(expected, abs=1e-5)


def test_the_graph_gives_minus_the_squared_distance_to_the_nearest_mean(tmp_path: Path) -> None:
    train, tune = rows_of(60), rows_of(40, seed=1)
    head = Head(np.eye(4, 3, dtype=np.float32), np.zeros(3, np.float32))

    found = write_head(tmp_path, head, train, tune, ServingConfig(scope_recall=0.9))

    session = open_graph(tmp_path, "head.onnx", 1)
    probabilities, scopes = session.run(["probabilities", "scope"], {"embeddings": tune.vectors})
    distances = np.square(tune.vectors[:, None] - label_means(train)[None]).sum(axis=2).min(axis=1)
    assert scopes == pytest.approx(-distances, abs=0.01)
    assert probabilities == pytest.approx(np.exp(head.log_probabilities(tune.vectors)), abs=1e-5)
    assert np.sum(scopes >= found.limits.scope) == 37  # of 40: one more than 90%, since a row is never split
    assert found.reasons == (f"37 of 40 known texts reach a scope of {found.limits.scope:.3f}",)


def test_few_tune_rows_leave_scope_to_train_rows_and_none_to_nothing(tmp_path: Path) -> None:
    head, serving = Head(np.eye(4, 3, dtype=np.float32), np.zeros(3, np.float32)), ServingConfig(scope_recall=0.9)

    found = write_head(tmp_path, head, rows_of(60), rows_of(3, seed=1), serving)
    assert found.limits.scope == pytest.approx(choose_scope(scopes_without_self(rows_of(60)), 0.9)[0])
    assert found.reasons[0].endswith("; train rows, since tune rows are only 3")

    found = write_head(tmp_path, head, NONE, NONE, serving)
    assert found.limits.scope is None
    assert found.reasons[0].startswith("no limit of scope: there is no row that was not learnt from")


def test_a_fixed_limit_is_taken_as_it_is(tmp_path: Path) -> None:
    head = Head(np.eye(4, 3, dtype=np.float32), np.zeros(3, np.float32))
    write_head(tmp_path, head, rows_of(9), NONE, ServingConfig())

    assert find_limits(tmp_path, rows_of(9), NONE, ServingConfig(abstain_below=0.4)).limits.confidence == 0.4
    assert find_limits(tmp_path, rows_of(9), NONE, ServingConfig()).limits.confidence is None
