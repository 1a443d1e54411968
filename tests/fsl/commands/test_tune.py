"""`fsl tune` as a person types it; a trial's training has tests of its own."""

import fcntl
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from fsl.config import LearningConfig, RunConfig
from fsl.data.intake import ingest_object
from fsl.data.snapshots import load_samples, take_snapshot
from fsl.learning.errors import NothingToTuneOn
from fsl.learning.tuning import Scored, trials
from fsl.samples import Sample, Split
from fsl.store import layout
from fsl.store.objects import ObjectStore

Fsl = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def tickets(project_name: str, bucket_store: ObjectStore) -> ObjectStore:
    """The folder's project, with sixty rows taken in."""
    store = bucket_store.within(f"{project_name}/")
    unlike = [hashlib.sha256(bytes([n])).hexdigest() for n in range(60)]  # near-duplicates would share a split
    rows = [{"text": text, "label": "refund" if n % 2 else "greeting"} for n, text in enumerate(unlike)]
    store.put(layout.inbox("a.jsonl"), "".join(f"{json.dumps(row)}\n" for row in rows).encode())
    ingest_object(store, RunConfig(project=project_name), layout.inbox("a.jsonl"), now=datetime(2026, 3, 1, tzinfo=UTC))
    return store


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """Every row that a trial was shown; any settings but the present ones are better by half a nat."""
    shown: list[Sample] = []

    def scored(*rows: Any, where: str) -> Scored:
        *splits, _, config = rows
        shown.extend(sample for split in splits for sample in split)
        level = -1.0 if config == LearningConfig() else -0.5
        return Scored(tuple(level + 0.01 * (row % 2) for row in range(20)), (-2.0,) * 20)

    monkeypatch.setattr(trials, "score_settings", scored)
    return shown


def test_a_search_shows_its_progress_and_ends_with_lines_for_the_config(
    fsl: Fsl, tickets: ObjectStore, seen: list[Sample], tmp_path: Path
) -> None:
    pytest.importorskip("optuna")
    config = (tmp_path / "fsl.yaml").read_text()

    _, before, first = fsl("tune", "--minutes", "0")
    status, out, then = fsl("tune", "--minutes", "0")

    assert status == 0
    assert "trial 0: -0.995 nats a row, best -0.995; 0.0 of 0 minutes" in first
    assert "trial 1: -0.495 nats a row, best -0.495; 0.0 of 0 minutes" in then
    assert "nothing beats the present settings by more than one standard error" in " ".join(before.split())
    words = " ".join(out.split())
    assert "trial 1 beats the present settings (-0.995) by more than one standard error. The probe has -2.000." in words
    lines = yaml.safe_load(out.split("in fsl.yaml:")[1].split("next:")[0])
    assert LearningConfig.model_validate(lines["learning"]) != LearningConfig()
    assert "fsl retrain" in out.split("next:")[1]
    assert (tmp_path / "fsl.yaml").read_text() == config


def test_the_next_call_goes_on_and_no_row_of_the_judge_is_ever_shown(
    fsl: Fsl, tickets: ObjectStore, seen: list[Sample], project_name: str
) -> None:
    pytest.importorskip("optuna")

    _, first, _ = fsl("tune", "--minutes", "0", "--json")
    _, both, _ = fsl("tune", "--minutes", "0", "--json")

    assert [len(facts["trials"]) for facts in (first, both)] == [1, 2]
    assert first["lines"] is None
    ref = take_snapshot(tickets, RunConfig(project=project_name))
    judge = {sample.row_id for sample in load_samples(tickets, ref, {Split.JUDGE})}
    assert judge
    assert {sample.split for sample in seen} == {Split.TRAIN, Split.TUNE}
    assert not judge & {sample.row_id for sample in seen}


def test_too_few_rows_stop_it_with_a_sentence(fsl: Fsl, tickets: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("optuna")

    def too_few(*rest: object, **named: Any) -> Scored:
        raise NothingToTuneOn(12, 20, named["where"])

    monkeypatch.setattr(trials, "score_settings", too_few)

    status, _, err = fsl("tune", "--minutes", "0")

    assert status == 1
    assert "has too few rows to compare settings on" in err


def test_two_at_once_are_one_too_many(fsl: Fsl, tickets: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / ".fsl").mkdir(exist_ok=True)
    with (tmp_path / ".fsl" / "tune.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        status, _, err = fsl("tune", "--minutes", "0")

    assert status == 1
    assert "another fsl tune is at work in" in err
    assert "what it finished is kept" in err
