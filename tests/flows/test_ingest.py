"""The ingest flow, whole: what is dropped ends in a batch or stays in the inbox with a sentence."""

import json
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.ingest import FilesRefused, ingest
from fsl.data.history import read_history
from fsl.project import Project
from fsl.store import layout

Rows = list[dict[str, Any]]


def _drop(project: Project, name: str, rows: Rows) -> None:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    project.store.put(layout.inbox(name), data.encode())


def _artifacts(key: str) -> str:
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return str([one.data for one in found])


def test_a_drop_becomes_one_batch_and_a_retrain_is_due(project: Project, sample_rows: Rows) -> None:
    _drop(project, "first.jsonl", sample_rows)

    result = ingest(project.name)

    assert result["batches"] == [1]
    assert result["retrain"] is True
    (record,) = read_history(project.store)
    assert project.store.where(record.report) in _artifacts("batches")
    assert str(result["reason"]).startswith(f"{len(sample_rows)} new rows and there is no champion yet")


def test_a_small_drop_waits_and_says_for_what(project: Project, sample_rows: Rows) -> None:
    few = [row for label in ("track_order", "close_account") for row in sample_rows if row["label"] == label][:20]
    few += [row for row in sample_rows if row["label"] == "close_account"][:20]
    _drop(project, "few.jsonl", few)

    result = ingest(project.name)

    assert result["retrain"] is False
    assert "20 short of triggers.min_new_rows" in str(result["reason"])


def test_an_empty_inbox_changes_nothing(project: Project) -> None:
    assert ingest(project.name)["batches"] == []
    assert read_history(project.store) == ()


def test_the_same_inbox_is_taken_in_once(project: Project, sample_rows: Rows) -> None:
    _drop(project, "first.jsonl", sample_rows)
    ingest(project.name)

    assert ingest(project.name)["batches"] == []
    assert len(read_history(project.store)) == 1


def test_a_file_of_only_bad_rows_is_refused_with_its_reasons_and_stays_in_the_inbox(project: Project) -> None:
    _drop(project, "bad.jsonl", [{"text": "", "label": "track_order"}, {"text": "hello", "label": 3}])

    with pytest.raises(FilesRefused, match=r"bad\.jsonl"):
        ingest(project.name)

    assert read_history(project.store) == ()
    assert [info.key for info in project.store.list(layout.INBOX)] == ["inbox/bad.jsonl"]


def test_a_single_label_is_refused_with_a_next_step(project: Project, sample_rows: Rows) -> None:
    _drop(project, "one.jsonl", [row for row in sample_rows if row["label"] == "track_order"])

    with pytest.raises(FilesRefused, match="one label only"):
        ingest(project.name)

    assert read_history(project.store) == ()


def test_labels_with_fewer_rows_than_a_new_label_needs_are_quarantined(project: Project, sample_rows: Rows) -> None:
    _drop(project, "first.jsonl", [*sample_rows, {"text": "please ring me back", "label": "callback"}])

    ingest(project.name)

    (record,) = read_history(project.store)
    assert record.n_refused == 1
    assert "callback" not in record.labels


def test_one_bad_file_does_not_keep_the_others_out(project: Project, sample_rows: Rows) -> None:
    _drop(project, "a-bad.jsonl", [{"text": "", "label": "x"}])
    _drop(project, "b-good.jsonl", sample_rows)

    with pytest.raises(FilesRefused, match=r"a-bad\.jsonl"):
        ingest(project.name)

    assert [record.source.name for record in read_history(project.store)] == ["b-good.jsonl"]


def test_many_small_files_are_one_batch_and_a_bad_one_is_named(project: Project, sample_rows: Rows) -> None:
    for index in range(15):
        _drop(project, f"{index:02d}.jsonl", sample_rows[4 * index : 4 * index + 4])
    _drop(project, "bad.csv", [])

    with pytest.raises(FilesRefused, match=r"inbox/bad\.csv: bad\.csv holds no rows"):
        ingest(project.name)

    (record,) = read_history(project.store)
    assert len(record.files) == 15
    assert record.n_read == 60


def test_a_thousand_refused_files_are_told_in_a_few_lines() -> None:
    told = str(FilesRefused({f"inbox/{index}.csv": "it holds no rows" for index in range(1_000)}))

    assert "inbox/19.csv: it holds no rows\n… and 980 more files\n" in told
    assert "inbox/20.csv" not in told
