"""Each kind of head against a value worked by hand or a law that it must keep."""

import numpy as np
import pytest

from fsl.learning.heads import class_means, discriminant, logistic, ridge
from fsl.learning.heads.choosing import build_families
from fsl.learning.heads.head import Head
from fsl.learning.heads.prototypes import SCALE, fit_prototypes

SETTINGS = [(family.name, place) for family in build_families(100, seed=0) for place in range(len(family.settings))]


def fit(name: str, place: int, vectors: np.ndarray, targets: np.ndarray, n_outputs: int) -> Head:
    family = next(one for one in build_families(100, seed=0) if one.name == name)
    return family.fit(vectors, targets, n_outputs)[place]


def clouds(n_rows: int, n_classes: int, *, noise: float = 0.2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    targets = np.arange(n_rows) % n_classes
    vectors = np.eye(8)[targets] + generator.normal(scale=noise, size=(n_rows, 8))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), targets


@pytest.mark.parametrize(("name", "place"), SETTINGS)
@pytest.mark.parametrize("n_classes", [2, 5])
def test_every_head_at_every_setting_tells_clouds_apart(name: str, place: int, n_classes: int) -> None:
    fresh, truth = clouds(50, n_classes, seed=1)

    head = fit(name, place, *clouds(50, n_classes), n_classes)

    assert (head.log_probabilities(fresh).argmax(1) == truth).mean() > 0.95


@pytest.mark.parametrize(("name", "place"), SETTINGS)
def test_an_output_that_no_unit_shows_is_never_given(name: str, place: int) -> None:
    vectors, targets = clouds(40, 2)

    head = fit(name, place, vectors, targets * 2 + 1, 5)

    assert set(head.log_probabilities(clouds(200, 5, noise=2.0)[0]).argmax(1)) <= {1, 3}


@pytest.mark.parametrize(("name", "place"), SETTINGS)
def test_one_label_two_rows_and_texts_all_alike_break_no_head(name: str, place: int) -> None:
    alike = np.tile(clouds(1, 1)[0], (6, 1))

    one = fit(name, place, alike, np.full(6, 1), 3)
    two = fit(name, place, clouds(2, 2)[0], np.array([0, 1]), 2)
    same = fit(name, place, alike, np.array([0, 1] * 3), 2)

    assert one.log_probabilities(alike).argmax(1).tolist() == [1] * 6
    assert two.log_probabilities(clouds(2, 2)[0]).argmax(1).tolist() == [0, 1]
    assert np.exp(same.log_probabilities(alike)) == pytest.approx(0.5, abs=1e-3)


def test_a_prototype_is_the_mean_direction_and_its_logit_the_scaled_cosine() -> None:
    vectors = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], np.float32)  # the first two sum to (1.6, 0.8)
    targets = np.array([0, 0, 1])
    direction = np.array([2.0, 1.0]) / np.sqrt(5.0)

    head = fit_prototypes(vectors, targets, 2)

    assert class_means(vectors, targets) == pytest.approx(np.array([direction, [0.0, 1.0]]), abs=1e-6)
    assert head.logits(vectors)[0] == pytest.approx([SCALE * 2.0 / np.sqrt(5.0), 0.0], abs=1e-5)


def test_a_covariance_shrunk_to_a_sphere_gives_the_nearest_mean_worked_by_hand() -> None:
    # Means (1, 0) and (-1, 0). Within: +-1 along the second axis, 4 / (4 - 2) = 2, so the sphere is 2 / 2 = 1.
    vectors = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], np.float32)

    (head,) = discriminant.fit_path(vectors, np.array([0, 0, 1, 1]), 2, shrinkages=(1.0,))

    # Gaussians of variance 1: the log-odds of (x, y) are 2x.
    logits = head.logits(np.array([[0.5, 3.0]], np.float32))[0]
    assert logits[0] - logits[1] == pytest.approx(1.0)


def test_a_discriminant_knows_how_common_each_label_is() -> None:
    vectors = np.array([[1.0, 1.0], [1.0, -1.0]] * 3 + [[-1.0, 1.0], [-1.0, -1.0]], np.float32)

    (head,) = discriminant.fit_path(vectors, np.array([0] * 6 + [1] * 2), 2, shrinkages=(1.0,))

    logits = head.logits(np.zeros((1, 2), np.float32))[0]  # as far from both means
    assert logits[0] - logits[1] == pytest.approx(np.log(3.0))


def test_features_stand_for_the_gaussian_kernel() -> None:
    vectors, _ = clouds(20, 4)
    features = ridge.draw_features(8, seed=0, n_features=20_000)(vectors)

    distances = ((vectors[:, None] - vectors[None]) ** 2).sum(-1)

    assert features @ features.T == pytest.approx(np.exp(-distances / 2), abs=0.03)


@pytest.mark.parametrize("n_rows", [30, 1500])  # fewer units than features, and more
def test_ridge_scores_are_those_of_scikit_learn(n_rows: int) -> None:
    from sklearn.linear_model import Ridge

    vectors, targets = clouds(n_rows, 3, noise=1.0)
    expected = Ridge(alpha=1.0).fit(ridge.draw_features(8, seed=3)(vectors), np.eye(3)[targets])

    (head,) = ridge.fit_path(vectors, targets, 3, penalties=(1.0,), seed=3)

    wanted = expected.predict(ridge.draw_features(8, seed=3)(vectors))
    assert head.logits(vectors) == pytest.approx(wanted, abs=2e-3)


def test_a_path_of_strengths_ends_where_a_lone_fit_ends() -> None:
    vectors, targets = clouds(60, 3, noise=1.0)

    path = logistic.fit_path(vectors, targets, 3, strengths=(3.0, 30.0))[-1]
    (lone,) = logistic.fit_path(vectors, targets, 3, strengths=(30.0,))

    assert path.log_probabilities(vectors) == pytest.approx(lone.log_probabilities(vectors), abs=2e-3)
