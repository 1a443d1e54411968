"""`fsl data forget` as a person types it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fsl.config import RunConfig
from fsl.data.history import read_history
from fsl.data.intake import ingest_object
from fsl.data.snapshots import take_snapshot
from fsl.store import layout
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, publish_version

Fsl = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def tickets(project_name: str, bucket_store: ObjectStore) -> ObjectStore:
    """The folder's project, with nine rows taken in."""
    store = bucket_store.within(f"{project_name}/")
    rows = [{"text": f"{label} {n}", "label": label} for label in ("refund", "greeting") for n in range(4)]
    rows.append({"text": "[bold]Maria[/bold] Sand", "label": "refund"})
    store.put(layout.inbox("a.jsonl"), "".join(f"{json.dumps(row)}\n" for row in rows).encode())
    ingest_object(store, RunConfig(project=project_name), layout.inbox("a.jsonl"), now=datetime(2026, 3, 1, tzinfo=UTC))
    return store


def test_without_yes_the_places_are_listed_and_nothing_changes(fsl: Fsl, tickets: ObjectStore) -> None:
    status, facts, _ = fsl("data", "forget", "--where", "text contains Maria", "--json")
    _, shown, _ = fsl("data", "forget", "--where", "text contains Maria", "--dry-run")

    assert (status, facts["texts"], facts["removed"]) == (0, 1, False)
    assert {one["place"] for one in facts["objects"]} == {"batches", "inbox"}
    assert 'fsl data forget --where "text contains Maria" --yes' in shown
    assert read_history(tickets)[0].rows.n == 9


def test_with_yes_the_rows_go_and_what_cannot_be_reached_is_said(fsl: Fsl, tickets: ObjectStore) -> None:
    _, facts, _ = fsl("data", "forget", "--where", "text contains Maria", "--yes", "--json")
    _, due, _ = fsl("data", "forget", "--status", "--json")
    _, shown, _ = fsl("data", "forget", "--again")

    assert (facts["removed"], facts["tombstone"], facts["versions_that_saw"]) == (True, 1, [])
    assert any("backups" in words for words in facts["unreached"])
    assert read_history(tickets)[0].rows.n == 8
    assert [(one["texts"], one["finished"], one["versions"]) for one in due] == [(1, True, [])]
    assert "nothing was found that had to go" in shown


def test_rows_are_named_by_a_file_of_places(fsl: Fsl, tickets: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("a.jsonl:2\na.jsonl:9\n", encoding="utf-8")

    _, facts, _ = fsl("data", "forget", "--ids", "ids.txt", "--yes", "--json")

    assert facts["texts"] == 2
    assert read_history(tickets)[0].labels == {"greeting": 4, "refund": 3}


def test_a_condition_that_is_none_is_a_sentence_and_changes_nothing(fsl: Fsl, tickets: ObjectStore) -> None:
    status, _, err = fsl("data", "forget", "--where", "everything", "--yes")

    assert status == 1
    assert "'everything' is no condition, so nothing was looked for and nothing was changed" in err
    assert read_history(tickets)[0].rows.n == 9


def test_rows_that_are_not_there_are_no_fault(fsl: Fsl, tickets: ObjectStore) -> None:
    status, facts, _ = fsl("data", "forget", "--source", "other.csv", "--yes", "--json")

    assert (status, facts["texts"], facts["removed"]) == (0, 0, False)


def test_a_version_that_learnt_from_the_rows_says_so(
    fsl: Fsl, tickets: ObjectStore, project_name: str, tmp_path: Path
) -> None:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "README.md").write_text("x", encoding="utf-8")
    digest = take_snapshot(tickets, RunConfig(project=project_name)).digest
    publish_version(Registry(tickets), "v-1", tmp_path / "bundle", facts={"snapshot": digest})

    _, done, _ = fsl("data", "forget", "--source", "a.jsonl", "--where", "label = refund", "--yes", "--json")
    _, facts, _ = fsl("models", "show", "v-1", "--json")
    _, shown, _ = fsl("data", "forget", "--status")

    assert (done["texts"], done["versions_that_saw"]) == (5, ["v-1"])
    assert [one["tombstone"] for one in facts["forgotten"]] == [1]
    assert "v-1" in shown
