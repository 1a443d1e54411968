"""A champion that says odd things of live traffic gives its place back; a change of the traffic alone does nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from fsl.config import RunConfig, WatchConfig
from fsl.problems import find_problem
from fsl.problems.base import Answer
from fsl.project import Project
from fsl.promotion.promote import why_barred
from fsl.promotion.watch import Answers, Watch, compare_answers, lower_bound, watch_champion
from fsl.serving.prediction_log import log_predictions
from fsl.serving.predictor import Prediction, Predictor
from fsl.store.aliases import current_move, move_alias, read_moves
from fsl.store.objects import ObjectStore
from fsl.store.registry import publish_version

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TEXTS = [f"where is parcel {row}" for row in range(120)]
CLASSES = find_problem("classification")


@pytest.fixture
def project(store: ObjectStore, text_bundle: Path, tmp_path: Path) -> Project:
    """A project whose version v-1 was replaced by v-2 at noon; both are the same bundle."""
    opened = Project("tickets", store, RunConfig(project="tickets"), tmp_path / "cache")
    seen = None
    for version, when in (("v-1", NOON - timedelta(days=3)), ("v-2", NOON)):
        publish_version(opened.registry, version, text_bundle, facts={})
        seen = move_alias(
            opened.registry, "champion", to=version, seen=seen, verdict="promote", who="flow:retrain", why="", now=when
        )
    return opened


def serve(project: Project, texts: Sequence[str], predictions: Sequence[Prediction], at: datetime) -> None:
    times = [at + timedelta(seconds=row) for row in range(len(texts))]
    log_predictions(project.store, texts, times, predictions, version="v-2", encoder="e")


def honest(bundle: Path, texts: Sequence[str]) -> list[Prediction]:
    return Predictor.load(bundle).predict(texts)


def stuck(bundle: Path, texts: Sequence[str]) -> list[Prediction]:
    """Always the label that the version before never gives, and never sure of it."""
    given = {one.answer.target for one in honest(bundle, texts)}
    other = next(label for label in Predictor.load(bundle).facts.labels if label not in given)
    return [Prediction(Answer(other, 0.2, 0.01), one.embedding) for one in honest(bundle, texts)]


def test_a_model_that_always_says_the_same_loses_its_place_and_is_not_promoted_again(
    project: Project, text_bundle: Path
) -> None:
    serve(project, TEXTS, stuck(text_bundle, TEXTS), NOON + timedelta(minutes=5))

    watched = watch_champion(project, now=NOON + timedelta(hours=1))

    assert (watched.state, watched.version, watched.against, watched.n_rows) == (Watch.ROLLED_BACK, "v-2", "v-1", 120)
    current = current_move(project.registry, "champion")
    assert current is not None
    assert (current.version, current.who, current.rolled_back) == ("v-1", "flow:watch", "v-2")
    assert "it answers 100.0% of the texts in another way than the version before" in current.why
    assert why_barred(project, "v-2") is not None
    assert watch_champion(project, now=NOON + timedelta(hours=1)).reasons == ("it came back by a rollback",)


def test_a_sound_model_stays_whatever_the_texts_are_about(project: Project, text_bundle: Path) -> None:
    texts = [f"全新的话题 {row} 😡" for row in range(120)]
    serve(project, texts, honest(text_bundle, texts), NOON + timedelta(minutes=5))

    watched = watch_champion(project, now=NOON + timedelta(hours=1))

    assert watched.state is Watch.SOUND
    assert len(read_moves(project.registry, "champion")) == 2
    assert all("0.0%" in reason for reason in watched.reasons)


def test_too_little_traffic_says_how_much_is_missing(project: Project, text_bundle: Path) -> None:
    assert watch_champion(project, now=NOON).reasons == ("0 rows were served since the promotion; 100 are needed",)
    serve(project, TEXTS[:40], stuck(text_bundle, TEXTS[:40]), NOON + timedelta(minutes=5))

    watched = watch_champion(project, now=NOON + timedelta(hours=1))

    assert (watched.state, watched.n_rows) == (Watch.WAITING, 40)


def test_rows_served_before_the_promotion_do_not_count(project: Project, text_bundle: Path) -> None:
    serve(project, TEXTS, stuck(text_bundle, TEXTS), NOON - timedelta(minutes=30))

    assert watch_champion(project, now=NOON + timedelta(hours=1)).n_rows == 0


def test_the_watch_ends(project: Project, text_bundle: Path) -> None:
    serve(project, TEXTS, stuck(text_bundle, TEXTS), NOON + timedelta(minutes=5))

    watched = watch_champion(project, now=NOON + timedelta(hours=24, seconds=1))

    assert watched.state is Watch.NOTHING
    assert watched.reasons == ("it was promoted over 24 hours ago",)


def test_a_first_champion_has_nothing_to_go_back_to(store: ObjectStore, text_bundle: Path, tmp_path: Path) -> None:
    project = Project("tickets", store, RunConfig(project="tickets"), tmp_path / "cache")
    assert watch_champion(project, now=NOON).reasons == ("no version served before it",)


def test_a_watch_that_is_switched_off_looks_at_nothing(project: Project) -> None:
    config = project.config.model_copy(update={"watch": WatchConfig(hours=None)})
    off = Project(project.name, project.store, config, project.cache)

    assert watch_champion(off, now=NOON).reasons == ("watch.hours is null",)


def answers(labels: Sequence[str], confidence: float) -> Answers:
    return Answers(tuple(labels), np.full(len(labels), confidence))


@pytest.mark.parametrize(
    ("earlier", "current", "words"),
    [
        (answers("ab" * 60, 0.9), answers("ab" * 60, 0.7), "its mean confidence is 20.0% below"),
        (answers("ab" * 60, 0.9), answers("a" * 120, 0.9), "its share of 'a' is 50.0% above"),
        (answers("ab" * 60, 0.9), answers("ba" * 60, 0.9), "it answers 100.0% of the texts in another way"),
        (answers("ab" * 60, 0.9), answers("ab" * 60, float("nan")), "its mean confidence is 90.0% below"),
    ],
)
def test_each_rule_fires_by_itself(earlier: Answers, current: Answers, words: str) -> None:
    fired, told = compare_answers(earlier, current, CLASSES, WatchConfig())

    assert any(one.startswith(words) for one in fired)
    assert len(told) == 3


def test_what_is_within_the_bounds_fires_nothing() -> None:
    earlier, current = answers("ab" * 60, 0.9), answers("ab" * 30 + "aa" * 30, 0.76)

    assert compare_answers(earlier, current, CLASSES, WatchConfig())[0] == ()


def test_the_bound_is_the_t_distributions() -> None:
    values = np.array([0.0, 1.0] * 5)

    # mean 1/2, standard error sqrt(10/36)/sqrt(10) = 1/6, t(0.99; 9) = 2.8214
    assert lower_bound(values) == pytest.approx(0.5 - 2.8214 / 6, abs=1e-4)
    assert lower_bound(values[:1]) == float("-inf")
