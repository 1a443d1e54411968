"""Small files that wait together: one batch, in which each file keeps its name, its claim, its rows and its faults."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from fsl.config import RunConfig
from fsl.data.batches import BatchRecord, StoredTable
from fsl.data.errors import (
    AlreadyTakenIn,
    BatchRefused,
    EmptyBatch,
    FileTooLarge,
    MissingColumn,
    OneLabelOnly,
    UnknownFormat,
    UnknownLabelsRefused,
    UnreadableFile,
)
from fsl.data.history import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.mending import load_open
from fsl.data.past import MAX_REMEMBERED, Past
from fsl.data.quarantine import RefusedRow
from fsl.data.setting_aside import set_aside
from fsl.data.together import MAX_FILES, MIN_FILES, TakenIn, ingest_together, pending_groups
from fsl.errors import FslError
from fsl.project import push_config
from fsl.store import layout
from fsl.store.objects import ObjectStore
from tests.fsl.data.conftest import small_files

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Drop = Callable[[str, Any], str]
Table = Callable[[StoredTable], list[dict[str, Any]]]
Refused = Callable[[BatchRecord], list[RefusedRow]]
Configure = Callable[..., RunConfig]
Take = Callable[..., TakenIn]


@pytest.fixture
def take(store: ObjectStore, drop: Drop, build_config: Configure) -> Take:
    """Drop files and take them in together; keywords as for `build_config`."""

    def run(files: Mapping[str, Any], **config: Any) -> TakenIn:
        keys = [drop(name, contents) for name, contents in files.items()]
        return ingest_together(store, build_config(**config), keys, now=NOW)

    return run


def test_files_that_wait_together_are_one_batch_that_names_each_of_them(
    take: Take, store: ObjectStore, table: Table, refused: Refused
) -> None:
    more = {"20.csv": b"text;label\nall is well;greeting\n;refund\n", "21.jsonl": [{"text": "no label"}] * 2}

    taken = take(small_files() | more)

    (record,) = read_history(store)
    assert taken.new == (1,)
    assert all(one == record for one in taken.batches.values())
    assert record.source.name == "14 files, 00.jsonl to 21.jsonl"
    assert [file.source.name for file in record.files] == sorted(small_files() | more)
    counts = [(one.n_read, one.n_rows, one.n_pool, one.n_duplicates, one.n_refused) for one in record.files]
    assert counts == [(2, 2, 0, 0, 0)] * 12 + [(2, 1, 0, 0, 1), (2, 0, 1, 1, 0)]
    assert (record.n_read, record.rows.n, record.pool.n, record.n_duplicates, record.n_refused) == (28, 25, 1, 1, 1)
    assert [row["source"] for row in table(record.rows)][-3:] == ["11.jsonl:1", "11.jsonl:2", "20.csv:2"]
    assert sorted(row.source for row in refused(record)) == ["20.csv:3", "21.jsonl:2"]
    assert [(one.source.format, one.source.delimiter) for one in record.files[-2:]] == [("csv", ";"), ("jsonl", None)]
    assert pending_objects(store) == ()


def test_a_row_is_named_as_if_its_file_had_come_alone(
    take: Take, store: ObjectStore, table: Table, build_config: Configure, drop: Drop
) -> None:
    take(small_files())
    alone = store.within("alone/")
    alone.put("inbox/03.jsonl", store.get("inbox/03.jsonl"))
    ingest_object(alone, build_config(new_label_min_rows=1), "inbox/03.jsonl", now=NOW)
    other = load_rows(alone, read_history(alone)[0])

    ids = {row["row_id"]: row["source"] for row in table(read_history(store)[0].rows)}

    assert [ids[row["row_id"]] for row in other] == ["03.jsonl:1", "03.jsonl:2"]


def load_rows(store: ObjectStore, record: BatchRecord) -> list[dict[str, Any]]:
    from fsl.data.tables import load_table

    return load_table(store, record.rows.key, record.rows.sha256, ("row_id", "text", "source", "split", "target"))


def test_the_same_drops_twice_are_one_batch_under_any_name(take: Take, store: ObjectStore, drop: Drop) -> None:
    take(small_files())
    again = {f"again-{name}": rows for name, rows in small_files().items()}

    assert take(again).new == ()
    assert take(small_files(14)).new == (2,)
    first, second = read_history(store)
    assert [file.source.name for file in second.files] == ["12.jsonl", "13.jsonl"]
    assert pending_objects(store) == ()
    assert {name for name, record in take(again).batches.items() if record.seq == first.seq} == {
        layout.inbox(name) for name in again
    }


def test_equal_bytes_in_one_group_are_one_file(take: Take, store: ObjectStore) -> None:
    taken = take(small_files() | {"copy.jsonl": small_files()["03.jsonl"]})

    (record,) = read_history(store)
    assert len(taken.batches) == 13
    assert (len(record.files), record.n_read, record.n_duplicates) == (12, 24, 0)
    assert pending_objects(store) == ()


def test_two_files_of_one_name_are_told_apart_by_how_they_lie_in_the_inbox(take: Take, store: ObjectStore) -> None:
    twins = {
        "0123456789ab-a.jsonl": [{"text": "one", "label": "refund"}],
        "a.jsonl": [{"text": "two", "label": "refund"}],
    }
    short = {"fedcba987654-b.jsonl": [{"text": "three", "label": "refund"}]}

    take(small_files() | twins | short)

    names = {file.source.name for file in read_history(store)[0].files} - set(small_files())
    assert names == {"0123456789ab-a.jsonl", "a.jsonl", "b.jsonl"}


LONG_LINE = b'{"text": "' + b"x" * 9_000 + b'"}\n'
BAD_FILES: list[tuple[str, Any, type[FslError], str]] = [
    ("empty.jsonl", b"", EmptyBatch, "holds no rows"),
    ("header.csv", b"text,label\n", EmptyBatch, "holds no rows"),
    ("body.csv", b"body,label\na,refund\n", MissingColumn, "has no column 'text'"),
    ("cut.parquet", b"PAR1", UnreadableFile, "not sound Parquet"),
    ("cut.jsonl.gz", gzip.compress(b'{"text": "a"}\n' * 99, mtime=0)[:-9], UnreadableFile, "end too early"),
    ("notes.txt", b"hello", UnknownFormat, "Name it .jsonl"),
    ("utf16.jsonl", '{"text": "a"}\n'.encode("utf-16"), UnreadableFile, "UTF-16"),
    ("bad.jsonl", b"no\n" * 15 + b'{"text": "fine"}\n' * 5, BatchRefused, "15 of 20 rows of bad.jsonl were refused"),
    ("bomb.jsonl.gz", gzip.compress(LONG_LINE * 400, mtime=0), FileTooLarge, "more than 2 MB once"),
    ("twice.csv", b"text,text\na,b\n", UnreadableFile, "same name"),
]


def test_bad_files_stay_with_the_sentences_they_get_alone_and_spoil_none_of_their_neighbours(
    store: ObjectStore, build_config: Configure, jsonl: Any
) -> None:
    config, found = build_config(max_file_mb=2), []
    good = {name: jsonl(rows) for name, rows in small_files().items()}
    for part, bad in (("without", {}), ("with", {name: contents for name, contents, _, _ in BAD_FILES})):
        inner = store.within(f"{part}/")
        push_config(config, inner, split_key="7" * 64)
        keys = [layout.inbox(name) for name in sorted(good | bad)]
        for key in keys:
            inner.put(key, (good | bad)[key.removeprefix(layout.INBOX)])
        found.append((ingest_together(inner, config, keys, now=NOW), read_history(inner), pending_objects(inner)))

    (clean, (expected,), _), (taken, (record,), pending) = found
    assert clean.faults == {}
    assert record == expected  # with its page, whose digest it names
    assert sorted(taken.faults) == sorted(pending) == sorted(layout.inbox(case[0]) for case in BAD_FILES)
    for name, _, error, words in BAD_FILES:
        fault = taken.faults[layout.inbox(name)]
        assert isinstance(fault, error)
        assert name in str(fault)
        assert words in str(fault)


def test_rows_of_two_files_that_contradict_each_other_are_both_refused_and_neither_file_is(
    take: Take, store: ObjectStore, refused: Refused
) -> None:
    odd = {
        "x.jsonl": [{"text": "same words", "label": "refund"}],
        "y.jsonl": [{"text": "Same words!", "label": "greeting"}],
    }

    assert take(small_files() | odd).faults == {}

    (record,) = read_history(store)
    assert [reason.words for row in refused(record) for reason in row.reasons] == [
        "x.jsonl:1 ('refund') has the same text as y.jsonl:1 ('greeting'), with another label",
        "y.jsonl:1 ('greeting') has the same text as x.jsonl:1 ('refund'), with another label",
    ]


def test_one_row_files_of_which_each_alone_would_be_refused_come_in_together(
    take: Take, store: ObjectStore, build_config: Configure
) -> None:
    files = {f"{index}.jsonl": [{"text": f"ticket {index}", "label": ("a", "b")[index % 2]}] for index in range(12)}

    assert take(files).faults == {}
    assert read_history(store)[0].labels == {"a": 6, "b": 6}
    alone = store.within("alone/")
    alone.put("inbox/0.jsonl", store.get("inbox/0.jsonl"))
    with pytest.raises(BatchRefused):
        ingest_object(alone, build_config(), "inbox/0.jsonl", now=NOW)


def test_a_few_bad_rows_of_tiny_files_go_to_quarantine_and_many_stop_their_files(
    take: Take, store: ObjectStore
) -> None:
    few = {f"few-{index}.jsonl": [{"text": "", "label": "refund", "n": index}] for index in range(3)}
    assert take(small_files() | few).faults == {}
    many = {f"many-{index}.jsonl": [{"text": "", "label": "refund", "m": index}] for index in range(30)}
    new = {f"new-{index}.jsonl": [{"text": f"one more {index}", "label": "refund"}] for index in range(3)}

    taken = take(many | new)

    first, second = read_history(store)
    assert first.reasons == {"text_empty": 3}
    assert sorted(taken.faults) == sorted(layout.inbox(name) for name in many)
    assert "1 of 1 rows of many-0.jsonl were refused" in str(taken.faults["inbox/many-0.jsonl"])
    assert (second.rows.n, second.n_refused) == (3, 0)


def test_unknown_labels_refuse_their_own_file_alone(take: Take, store: ObjectStore) -> None:
    take(small_files())
    files = {f"{index}.jsonl": [{"text": f"later {index}", "label": "refund"}] for index in range(30, 42)}

    taken = take(files | {"odd.jsonl": [{"text": "lend me", "label": "loan"}]}, on_unknown_label="refuse")

    assert [type(error) for error in taken.faults.values()] == [UnknownLabelsRefused]
    assert "label 'loan' is not known (1 row)" in str(taken.faults["inbox/odd.jsonl"])
    assert read_history(store)[1].rows.n == 12


def test_labels_of_a_single_kind_stop_their_files_and_unlabelled_texts_come_in(take: Take, store: ObjectStore) -> None:
    one = {f"{index}.jsonl": [{"text": f"only {index}", "label": "refund"}] for index in range(12)}
    pool = {f"p{index}.jsonl": [{"text": f"unlabelled {index}"}] for index in range(3)}

    taken = take(one | pool)

    assert {type(error) for error in taken.faults.values()} == {OneLabelOnly}
    assert sorted(taken.faults) == sorted(layout.inbox(name) for name in one)
    assert [file.source.name for file in read_history(store)[0].files] == list(pool)


def test_the_order_of_the_files_changes_nothing(store: ObjectStore, build_config: Configure, jsonl: Any) -> None:
    config, found = build_config(), []
    kin = "the parcel that I ordered on monday has not come yet"
    files = small_files() | {f"k{n}.jsonl": [{"text": kin + " !" * n + "s" * n, "label": "refund"}] for n in range(4)}
    for part, order in (("one", list(files)), ("other", list(files)[::-1])):
        inner = store.within(f"{part}/")
        push_config(config, inner, split_key="7" * 64)
        for name in order:
            inner.put(layout.inbox(name), jsonl(files[name]))
        ingest_together(inner, config, [layout.inbox(name) for name in order], now=NOW)
        (record,) = read_history(inner)
        rows = load_rows(inner, record)
        found.append(
            (
                sorted((row["row_id"], row["split"]) for row in rows),
                sorted(line for line in inner.get(record.quarantine.key).splitlines()),
                sorted((file.source.name, file.n_rows, file.n_duplicates) for file in record.files),
            )
        )

    assert found[0] == found[1]


def test_a_file_costs_one_request(
    store: ObjectStore, build_config: Configure, jsonl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_asked, costs = [0], []
    ask = type(store._client)._make_api_call

    def counted(self: Any, *args: Any) -> Any:
        n_asked[0] += 1
        return ask(self, *args)

    monkeypatch.setattr(type(store._client), "_make_api_call", counted)
    for n in (12, 62):
        inner = store.within(f"{n}/")
        for name, rows in small_files(n).items():
            inner.put(layout.inbox(name), jsonl(rows))
        before = n_asked[0]
        for keys in pending_groups(inner):
            ingest_together(inner, build_config(), keys, now=NOW, past=Past(max_remembered=MAX_REMEMBERED))
        costs.append(n_asked[0] - before)

    assert costs[1] - costs[0] == 50


def test_few_files_are_a_batch_each_and_many_small_ones_come_in_groups(store: ObjectStore) -> None:
    large = layout.inbox("large.jsonl")
    store.put(large, b"x" * 70_000)
    for index in range(MIN_FILES - 1):
        store.put(layout.inbox(f"{index:03d}.jsonl"), b"x%d" % index)
    assert {len(keys) for keys in pending_groups(store)} == {1}

    for index in range(MIN_FILES - 1, MAX_FILES + 3):
        store.put(layout.inbox(f"{index:03d}.jsonl"), b"x%d" % index)
    groups = pending_groups(store)

    assert [len(keys) for keys in groups] == [MAX_FILES, 3, 1]
    assert groups[-1] == (large,)
    assert Counter(key for keys in groups for key in keys) == dict.fromkeys(pending_objects(store), 1)


def test_a_row_that_was_refused_among_many_files_is_mended_and_cleared(
    take: Take, store: ObjectStore, refused: Refused, drop: Drop, build_config: Configure
) -> None:
    take(small_files() | {"x.jsonl": [{"text": "", "label": "refund"}], "y.jsonl": [{"text": "ok", "label": 5}]})
    first, _ = sorted(load_open(store, read_history(store)).rows, key=lambda row: row.source)
    assert first.source == "x.jsonl:1"

    mended = [{"text": "mended now", "label": "refund", "_row": first.row_id}]
    ingest_object(store, build_config(), drop("mend.jsonl", mended), now=NOW)

    found = load_open(store, read_history(store))
    assert ([row.source for row in found.rows], found.n_cleared) == (["y.jsonl:1"], 1)


def test_a_file_that_came_in_with_others_cannot_be_set_aside(take: Take, store: ObjectStore) -> None:
    take(small_files())

    with pytest.raises(AlreadyTakenIn, match=r"03\.jsonl is batch 1 already"):
        set_aside(store, "03.jsonl", reason="oops", now=NOW)


def test_the_page_lists_every_file_and_hostile_names_are_only_words(take: Take, store: ObjectStore) -> None:
    hostile = "<script>alert(1)</script>.jsonl"
    take(small_files() | {hostile: [{"text": "", "label": "refund"}]})

    html = store.get(read_history(store)[0].report).decode()

    assert "13 files were waiting together" in html
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.jsonl:1" in html
    assert all(f">{name}</bdi>" in html for name in small_files())


def test_older_readers_read_a_batch_of_one_file_and_are_told_of_one_of_many(take: Take, store: ObjectStore) -> None:
    take(small_files())
    take({"alone.jsonl": [{"text": "alone", "label": "refund"}]})

    schemas = [json.loads(store.get(layout.commit(seq)))["schema"] for seq in (1, 2)]

    assert schemas == [2, 1]
    assert read_history(store)[1].files == ()
