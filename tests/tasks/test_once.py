"""Ten starts do it once, a killed worker's cycle ends right, and many projects fit on one worker."""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Semaphore

import pytest

from bench.parts.orchestration import kills, stage
from fsl.config import StoreConfig
from fsl.project import Project
from fsl.runs.retrain_log import KEY
from fsl.scheduling.claims import ClaimLost, Ticket, holder_of, take
from fsl.store.aliases import CHAMPION, read_moves
from fsl.store.embedded.server import Endpoint
from fsl.store.objects import ObjectStore
from fsl.workspace import store_environment
from tasks.intake import ingest_file
from tasks.planning import plan_now
from tasks.promotion import promote
from tasks.turns import WAITING, retrain_turn


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stage.build_encoder(tmp_path_factory.mktemp("encoder"), [row["text"] for row in stage.sample_rows()])


@pytest.fixture(scope="module")
def environment(
    s3: Endpoint, store_config: StoreConfig, bucket_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The environment of workers: the session's store, and no Prefect server."""
    with pytest.MonkeyPatch.context() as patch:
        for key, value in store_environment(store_config, s3.credentials).items():
            patch.delenv(key, raising=False) if value is None else patch.setenv(key, value)
        state = tmp_path_factory.mktemp("workers")
        with stage.worker_environment(state, "http://127.0.0.1:9/api") as values:
            yield values


@pytest.fixture
def tiny(environment: dict[str, str], encoder: Path, store_config: StoreConfig) -> Project:
    return stage.new_project(f"once-{uuid.uuid4().hex[:12]}", encoder, store_config)


def at_once(n: int, start: Callable[[], str]) -> Counter[str]:
    """Start a thing so many times at once, and return how often each answer was given."""
    together = Barrier(n)

    def one(number: int) -> str:
        together.wait()
        return start()

    with ThreadPoolExecutor(n) as pool:
        return Counter(pool.map(one, range(n)))


def test_the_same_batch_announced_ten_times_is_taken_in_once_and_nine_say_so(tiny: Project) -> None:
    key = stage.drop(tiny, stage.sample_rows())

    answers = at_once(10, lambda: str(ingest_file.fn(tiny.name, key)["said"]))

    assert answers.pop("batch 1") == 1
    assert answers.total() == 9
    assert all("is batch 1 already" in words or "is at it" in words for words in answers)
    assert kills.standing_of(tiny).n_batches == 1


def test_the_same_retrain_started_ten_times_is_done_once_and_nine_say_so(tiny: Project) -> None:
    ingest_file.fn(tiny.name, stage.drop(tiny, stage.sample_rows()))

    answers = at_once(10, lambda: stage.retrain_claimed(tiny.name))

    assert answers.pop("promote") == 1
    assert answers.total() == 9
    assert set(answers) <= {"running elsewhere", "unchanged"}
    assert len(read_moves(tiny.registry, CHAMPION)) == 1


def test_a_cycle_whose_worker_is_killed_four_times_ends_right_and_does_no_finished_step_twice(
    tiny: Project, environment: dict[str, str], tmp_path: Path
) -> None:
    chance = random.Random(7).random
    moments = [
        kills.Moment(None, chance()),
        *(kills.Moment(f"{step} began", chance()) for step in ("adapt_teacher", "adapt_student", "build_bundle")),
    ]

    faults = kills.kill_and_restart(
        tiny,
        stage.sample_rows(),
        moments=moments,
        journal=tmp_path / "journal",
        environment=environment,
        flow="claimed",
    )

    assert faults == {}


def test_five_projects_that_are_due_at_once_get_their_turns_one_after_the_other(
    encoder: Path, store_config: StoreConfig, environment: dict[str, str]
) -> None:
    names = [f"many-{number}-{uuid.uuid4().hex[:8]}" for number in range(5)]
    for name in names:
        project = stage.new_project(name, encoder, store_config)
        ingest_file.fn(name, stage.drop(project, stage.sample_rows()))
    at_work, most = Semaphore(1), []

    def train(name: str) -> str:
        with retrain_turn(name) as turn:
            most.append(at_work.acquire(blocking=False))
            time.sleep(0.1)
            at_work.release()
            return turn.version

    with ThreadPoolExecutor(5) as pool:
        versions = list(pool.map(train, names))

    assert len(versions) == 5
    assert most == [True] * 5


def test_behind_another_retrain_one_waits_for_newer_rows_and_the_others_leave_it_to_that_one(tiny: Project) -> None:
    rows = stage.sample_rows()
    ingest_file.fn(tiny.name, stage.drop(tiny, rows[:80], "first.jsonl"))
    answers: list[str] = []

    def come_later() -> None:
        with retrain_turn(tiny.name) as turn:
            answers.append(str(turn.said["outcome"]) if turn.said else turn.key)

    with ThreadPoolExecutor(2) as pool:
        with retrain_turn(tiny.name) as first:
            ingest_file.fn(tiny.name, stage.drop(tiny, rows[80:100], "second.jsonl"))
            waiting = pool.submit(come_later)
            while holder_of(tiny.store, WAITING, KEY, expiry=timedelta(seconds=60)) is None:
                time.sleep(0.05)
            pool.submit(come_later).result()
            ingest_file.fn(tiny.name, stage.drop(tiny, rows[100:], "third.jsonl"))
        waiting.result()

    newest, _ = plan_now(tiny)
    assert first.key != newest
    assert answers == ["waiting elsewhere", newest]


def test_a_worker_that_was_passed_over_does_not_move_the_champion(tiny: Project) -> None:
    ticket = take(tiny.store, "retrain", "champion", expiry=timedelta(seconds=0.1), subject="5e1f", holder="sleeper")
    assert isinstance(ticket, Ticket)
    while holder_of(tiny.store, "retrain", "champion", expiry=timedelta(seconds=1)) is not None:
        time.sleep(0.2)
    take(tiny.store, "retrain", "champion", expiry=timedelta(seconds=60), subject="5e1f", holder="the other")
    ingest_file.fn(tiny.name, stage.drop(tiny, stage.sample_rows()))
    key, _ = plan_now(tiny)

    with pytest.raises(ClaimLost, match="It moved nothing"):
        promote.fn(tiny.name, key, {}, None, ticket)
    assert read_moves(tiny.registry, CHAMPION) == ()
