"""`fsl data ls|show|diff` as a person types them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fsl.config import DataConfig, RunConfig
from fsl.data.intake import ingest_object
from fsl.data.together import ingest_together
from fsl.store import layout
from fsl.store.objects import ObjectStore

Fsl = Callable[..., tuple[int, Any, str]]
Take = Callable[[str, list[dict[str, str]]], None]


@pytest.fixture
def take(project_name: str, bucket_store: ObjectStore) -> Take:
    """Ingest a file into the project of the folder."""

    def run(name: str, rows: list[dict[str, str]]) -> None:
        store = bucket_store.within(f"{project_name}/")
        store.put(layout.inbox(name), "".join(f"{json.dumps(row)}\n" for row in rows).encode())
        ingest_object(
            store,
            RunConfig(project=project_name, data=DataConfig(on_unknown_label="accept")),
            layout.inbox(name),
            now=datetime(2026, 3, 1, tzinfo=UTC),
        )

    return run


def rows(label: str, n: int) -> list[dict[str, str]]:
    return [{"text": f"{label} message {index}", "label": label} for index in range(n)]


def test_batches_are_listed_with_their_splits_and_whether_the_champion_saw_them(fsl: Fsl, take: Take) -> None:
    take("a.jsonl", [*rows("refund", 10), *rows("greeting", 10)])

    _, facts, _ = fsl("data", "ls", "--json")

    assert [(fact["batch"], fact["accepted"], fact["seen_by_champion"]) for fact in facts] == [(1, 20, False)]
    assert sum(facts[0]["splits"].values()) == 20


def test_one_batch_is_shown_with_labels_and_page(fsl: Fsl, take: Take) -> None:
    drawn = [{**row, "audit": "0.2"} for row in rows("greeting", 2)]
    take("a.jsonl", [*rows("refund", 3), *drawn, {"text": "", "label": "refund"}])

    _, facts, _ = fsl("data", "show", "1", "--json")

    assert facts["audit"] == 2
    assert facts["labels"] == {"greeting": 2, "refund": 3}
    assert facts["reasons"] == {"text_empty": 1}
    assert "batches/reports/" in facts["page"]


def test_a_batch_of_many_files_lists_them(fsl: Fsl, project_name: str, bucket_store: ObjectStore) -> None:
    store, keys = bucket_store.within(f"{project_name}/"), []
    for index in range(30):
        key = layout.inbox(f"{index:02d}.jsonl")
        store.put(key, json.dumps({"text": f"message {index}", "label": "ab"[index % 2]}).encode())
        keys.append(key)
    ingest_together(store, RunConfig(project=project_name), keys, now=datetime(2026, 3, 1, tzinfo=UTC))

    _, facts, _ = fsl("data", "show", "1", "--json")
    _, words, _ = fsl("data", "show", "1")

    assert facts["file"] == "30 files, 00.jsonl to 29.jsonl"
    assert [(one["file"], one["read"], one["accepted"]) for one in facts["files"]][29] == ("29.jsonl", 1, 1)
    assert "19.jsonl" in words
    assert "and 10 more" in words


def test_a_number_that_no_batch_has_is_a_sentence(fsl: Fsl, take: Take) -> None:
    take("a.jsonl", [*rows("refund", 3), *rows("greeting", 3)])

    status, _, err = fsl("data", "show", "7")

    assert status == 1
    assert "there is no batch 7: the last is batch 1. `fsl data ls` lists them." in err


def test_without_a_champion_everything_is_new(fsl: Fsl, take: Take) -> None:
    take("a.jsonl", [*rows("refund", 10), *rows("greeting", 1), *rows("parcel", 3)])

    _, facts, _ = fsl("data", "diff", "--json")
    _, shown, _ = fsl("data", "diff")

    assert facts["before"] is None
    assert facts["new_labels"] == ["parcel", "refund"]  # one row is too few for a label
    assert sum(facts["labels"]["parcel"].values()) == 3
    assert "parcel" in facts["unjudged_labels"]
    assert "there is no champion yet" in shown


def test_what_came_in_since_a_snapshot_is_told_by_label_and_split(fsl: Fsl, take: Take) -> None:
    take("a.jsonl", [*rows("refund", 10), *rows("greeting", 10)])
    _, before, _ = fsl("data", "diff", "--json")
    take("b.jsonl", [*rows("parcel", 4), {"text": "one more refund", "label": "refund"}])

    _, facts, _ = fsl("data", "diff", "--since", before["now"], "--json")

    assert facts["batches"] == [2]
    assert {label: sum(by_split.values()) for label, by_split in facts["labels"].items()} == {"parcel": 4, "refund": 1}
    assert facts["new_labels"] == ["parcel"]
