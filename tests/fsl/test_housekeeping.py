"""What old retrains and claims leave behind goes, and nothing that somebody may still need."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from fsl.config import RunConfig
from fsl.housekeeping import prune_claims, remove_old_steps
from fsl.project import Project
from fsl.runs.retrain_log import KEY, KIND, find_result, keep_result, last_judged, read_attempts, spent_of
from fsl.runs.steps import find_step, finish_step
from fsl.scheduling.claims import ClaimLost, Ticket, ensure_held, release, take
from fsl.store import layout
from fsl.store.objects import ObjectStore

MINUTE = timedelta(minutes=1)


@pytest.fixture
def project(store: ObjectStore, tmp_path: Path) -> Project:
    return Project("tickets", store, RunConfig(project="tickets"), tmp_path / "cache")


def in_days(days: float) -> datetime:
    """Return a time from now on: what the store holds is then so many days old."""
    return datetime.now(UTC) + timedelta(days=days)


def train(project: Project, key: str) -> None:
    def make(folder: Path) -> Mapping[str, JsonValue]:
        (folder / "weights.txt").write_text(f"of {key}")
        return {}

    finish_step(project, key, "teacher", make)


def taken(store: ObjectStore, kind: str = KIND, key: str = KEY, subject: str = "5e1f") -> Ticket:
    got = take(store, kind, key, expiry=MINUTE, subject=subject, holder="ana")
    assert isinstance(got, Ticket)
    return got


def test_the_files_of_an_old_judged_retrain_go_and_its_verdict_stays(project: Project) -> None:
    train(project, "a")
    keep_result(project.store, "a", 0, {"outcome": "reject"})

    assert remove_old_steps(project, now=in_days(6)).n_removed == 0
    assert remove_old_steps(project, now=in_days(8)).n_removed == 2  # the manifest and one file
    assert find_step(project, "a", "teacher") is None
    assert find_result(project.store, "a", 0) == {"outcome": "reject"}
    assert remove_old_steps(project, now=in_days(8)).n_removed == 0


def test_a_retrain_without_a_verdict_keeps_its_files_longer_since_it_may_go_on(project: Project) -> None:
    train(project, "a")

    assert remove_old_steps(project, now=in_days(29)).n_removed == 0
    assert remove_old_steps(project, now=in_days(31)).n_removed == 2


def test_while_a_retrain_runs_nothing_of_any_retrain_goes(project: Project) -> None:
    train(project, "a")
    taken(project.store)

    done = remove_old_steps(project, now=in_days(99))

    assert done.n_removed == 0
    assert "ana is at it" in done.said
    assert find_step(project, "a", "teacher") is not None


def test_old_numbers_of_claims_go_but_for_the_last_of_the_retrains(store: ObjectStore) -> None:
    for _ in range(3):
        release(store, taken(store), "reject")
    release(store, taken(store, "run", "one"), "")

    assert prune_claims(store, now=in_days(1)) == 0
    assert prune_claims(store, now=in_days(3)) == 6
    assert [info.key for info in store.list(layout.CLAIMS)] == [
        layout.claim_sign(KIND, KEY, 3),
        layout.claim(KIND, KEY, 3),
    ]
    assert taken(store).fence == 4


def test_a_sleeper_whose_number_was_pruned_has_lost_its_claim(store: ObjectStore) -> None:
    sleeper = taken(store)
    release(store, sleeper)
    taken(store)
    prune_claims(store, now=in_days(3))

    with pytest.raises(ClaimLost):
        ensure_held(store, sleeper)


def test_the_log_of_retrains_is_read_off_their_claims(project: Project) -> None:
    now = datetime.now(UTC)
    for subject, outcome in (("a", "promote"), ("b", "unchanged"), ("c", "reject"), ("d", "failed: OSError")):
        release(project.store, taken(project.store, subject=subject), outcome)
    remove_old_steps(project, now=now)  # holds the claim too, and is no retrain

    attempts = read_attempts(project.store)

    assert [(one.subject, one.outcome) for one in attempts][:4] == [
        ("a", "promote"),
        ("b", "unchanged"),
        ("c", "reject"),
        ("d", "failed: OSError"),
    ]
    assert spent_of(attempts, now).n_retrains == 3
    assert spent_of(attempts, now + timedelta(days=2)).n_retrains == 0
    judged = last_judged(attempts)
    assert judged is not None
    assert judged.subject == "c"


def test_a_result_that_cannot_be_read_is_none(store: ObjectStore) -> None:
    store.put(layout.step("a", "result-after-00000000.json"), b"\xff{")

    assert find_result(store, "a", 0) is None
