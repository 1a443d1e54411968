"""After forgetting, no byte of the store holds the text, and everything else is as it was."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fsl.config import RunConfig
from fsl.data.forgetting.forget import finish, forget, survey, sweep
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.data.history import read_history
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.quarantine import load_refused
from fsl.data.setting_aside import set_aside
from fsl.data.snapshots import SnapshotRef, load_labels, load_pool, load_samples, take_snapshot
from fsl.data.tombstones import is_finished, read_tombstones
from fsl.samples import Split
from fsl.store import layout
from fsl.store.objects import ObjectStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MARIA = Selection((parse_condition("text contains maria sand"),))
Holders = Callable[..., set[str]]
Take = Callable[..., None]


def forget_maria(store: ObjectStore, config: RunConfig) -> Any:
    return forget(store, config, MARIA, who="person:ada", now=NOW)


def samples_of(store: ObjectStore, ref: SnapshotRef) -> dict[str, tuple[str, Split]]:
    found = [*load_samples(store, ref, set(Split)), *load_pool(store, ref)]
    return {sample.text: (sample.row_id, sample.split) for sample in found}


def test_a_survey_names_every_place_and_changes_nothing(peopled: ObjectStore, config: RunConfig) -> None:
    before = {info.key: info.etag for info in peopled.list()}

    found = survey(peopled, config, MARIA)

    assert {info.key: info.etag for info in peopled.list()} == before
    assert {one.place for one in found.found} == {
        "batches",
        "pool",
        "quarantine",
        "inbox",
        "predictions",
        "score sheets",
        "soft labels",
        "drift reports",
        "validation pages",
        "run pages",
        "run records",
    }
    assert (found.n_texts, found.unread, found.tombstone) == (3, (), None)


def test_no_byte_of_the_store_holds_the_texts_any_more(
    forgotten: ObjectStore, peopled: ObjectStore, holders: Holders, secret: str, long_text: str
) -> None:
    assert len(holders(secret, peopled)) >= 6  # else the search below would prove nothing
    assert len(holders(long_text, peopled)) >= 5

    assert holders(secret, forgotten) == set()
    assert holders(long_text, forgotten) == set()


def test_all_other_rows_stay_with_their_ids_and_splits(
    peopled: ObjectStore, config: RunConfig, secret: str, long_text: str
) -> None:
    before = samples_of(peopled, take_snapshot(peopled, config))

    forget_maria(peopled, config)

    after = samples_of(peopled, take_snapshot(peopled, config))
    served = {text for text, (_, split) in before.items() if text in ("hello there", "where is it")}
    gone = {secret, long_text}
    assert {text: facts for text, facts in before.items() if text not in gone | served} == {
        text: facts for text, facts in after.items() if text not in served
    }
    assert served == {text for text in after if text in ("hello there", "where is it")}


def test_records_labels_and_quarantine_count_what_is_left(forgotten: ObjectStore, config: RunConfig) -> None:
    after = read_history(forgotten)
    assert [record.n_read for record in after] == [26, 3, 6, 2]
    assert [record.n_gone for record in after] == [2, 2, 1, 1]  # SECRET and its note; LONG and SECRET; …; the line
    assert after[0].labels == {"greeting": 12, "refund": 12}
    assert sum(after[0].splits.values()) == after[0].rows.n == 24
    assert after[2].reasons == {}
    assert list(load_refused(forgotten, after)) == []
    counts = load_labels(forgotten, take_snapshot(forgotten, config))
    assert {count.label: count.n for count in counts} == {"greeting": 12, "parcel": 5, "refund": 13}


def test_what_stays_of_a_dropped_file_claims_its_batch(forgotten: ObjectStore, config: RunConfig) -> None:
    assert pending_objects(forgotten) == ()
    files = [info.key for info in forgotten.list(layout.INBOX)]
    assert all(key.endswith(".jsonl") for key in files)
    assert {record.source.key for record in read_history(forgotten)} == set(files)
    lines = [json.loads(line) for key in files for line in forgotten.get(key).splitlines() if key.endswith("-a.jsonl")]
    assert len(lines) == 24


def test_the_snapshot_is_another_and_the_old_one_still_loads_without_the_rows(
    peopled: ObjectStore, config: RunConfig, secret: str
) -> None:
    old = take_snapshot(peopled, config)
    assert secret in samples_of(peopled, old)

    forget_maria(peopled, config)

    new = take_snapshot(peopled, config)
    assert new != old
    assert secret not in samples_of(peopled, old)
    assert [one.text for one in load_samples(peopled, old, set(Split))] == [
        one.text for one in load_samples(peopled, new, set(Split))
    ]


def test_a_second_forget_is_harmless(peopled: ObjectStore, config: RunConfig) -> None:
    forget_maria(peopled, config)
    before = {info.key: info.etag for info in peopled.list()}

    again = forget_maria(peopled, config)
    swept = sweep(peopled, config)

    assert (again.n_texts, again.tombstone, swept.tombstone) == (0, None, None)
    assert {info.key: info.etag for info in peopled.list()} == before


def test_a_tombstone_holds_digests_and_never_a_text(forgotten: ObjectStore, config: RunConfig) -> None:
    (tombstone,) = read_tombstones(forgotten).every
    assert (tombstone.who, tombstone.why, tombstone.through) == ("person:ada", "forget", 4)
    assert len(tombstone.texts) == 3  # SECRET, LONG and the broken line
    assert b"aria" not in forgotten.get(layout.tombstone(1)).lower()


def test_the_same_row_in_a_later_file_is_refused_and_not_kept_anywhere(
    peopled: ObjectStore, config: RunConfig, take: Take, holders: Holders, secret: str
) -> None:
    forget_maria(peopled, config)

    take("later.jsonl", [{"text": f"  {secret}!", "label": "refund"}, {"text": "a new one", "label": "refund"}])

    record = read_history(peopled)[-1]
    (refused,) = load_refused(peopled, [record])
    assert (record.rows.n, record.quarantine.n) == (1, 1)
    assert [reason.words for reason in refused.reasons] == ["asked to be forgotten"]
    assert (refused.raw, refused.text, refused.line) == ("", None, 1)
    assert holders(secret) == set()
    assert pending_objects(peopled) == ()


def test_the_original_file_dropped_again_brings_nothing_back(
    store: ObjectStore, config: RunConfig, take: Take, holders: Holders, secret: str
) -> None:
    rows = [{"text": f"{label} {n}", "label": label} for label in ("refund", "parcel") for n in range(4)]
    take("a.jsonl", [*rows, {"text": secret, "label": "refund"}])
    forget_maria(store, config)

    take("again.jsonl", [*rows, {"text": secret, "label": "refund"}])

    assert [(record.rows.n, record.n_duplicates) for record in read_history(store)] == [(8, 0), (0, 8)]
    assert holders(secret) == set()


def test_a_file_of_forgotten_rows_alone_is_no_fault(
    peopled: ObjectStore, config: RunConfig, take: Take, holders: Holders, secret: str
) -> None:
    forget_maria(peopled, config)

    take("only.jsonl", [{"text": secret, "label": "refund"}])

    assert read_history(peopled)[-1].rows.n == 0
    assert holders(secret) == set()
    assert pending_objects(peopled) == ()


def test_a_file_that_waits_in_the_inbox_loses_the_row_and_still_comes_in(
    peopled: ObjectStore, config: RunConfig, holders: Holders, secret: str
) -> None:
    peopled.put(layout.inbox("waiting.csv"), f'text,label\n"{secret}",refund\n"so, hello",greeting\n'.encode())

    forget_maria(peopled, config)

    assert holders(secret) == set()
    (waiting,) = pending_objects(peopled)
    ingest_object(peopled, config, waiting, now=NOW)
    assert read_history(peopled)[-1].labels == {"greeting": 1}


def test_a_text_that_is_asked_again_is_answered_and_never_learnt_from(
    peopled: ObjectStore, config: RunConfig, holders: Holders, secret: str
) -> None:
    from tests.fsl.data.test_snapshots import serve

    forget_maria(peopled, config)
    serve(peopled, [secret, "something else"], NOW, part="later")

    pool = load_pool(peopled, take_snapshot(peopled, config))

    assert secret not in {sample.text for sample in pool}
    sweep(peopled, config)
    assert holders(secret) == set()


def test_pages_lose_the_row_and_keep_the_rest(forgotten: ObjectStore, config: RunConfig) -> None:
    page = forgotten.get(layout.run_page("a" * 32)).decode()
    assert page.count("a row that was asked to be forgotten") == 2
    assert "where is my order" in page
    for record in read_history(forgotten):
        assert forgotten.head(record.report) is not None


def test_what_an_ingest_committed_meanwhile_is_searched_before_anybody_learns_from_it(
    peopled: ObjectStore, config: RunConfig, take: Take, holders: Holders, secret: str
) -> None:
    # This ingest read the tombstones before there was one, and was killed after its commit.
    from fsl.data import intake

    take("first.jsonl", [{"text": "one more", "label": "refund"}])
    key = layout.inbox("late.jsonl")
    peopled.put(key, json.dumps({"text": secret, "label": "refund"}).encode())

    def forget_first(*arguments: Any) -> None:
        raise InterruptedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "settle", forget_first)
        patch.setattr(
            intake, "open_preparation", lambda *given: _forgetting_meanwhile(peopled, config, intake_prepare(*given))
        )
        with pytest.raises(InterruptedError):
            ingest_object(peopled, config, key, now=NOW)
    assert {key.partition("/")[0] for key in holders(secret)} == {"batches"}

    ref = take_snapshot(peopled, config)

    assert not any("Maria" in text for text in samples_of(peopled, ref))
    assert holders(secret) == set()
    assert all(map(read_tombstones(peopled).is_searched, read_history(peopled)))


def intake_prepare(*given: Any) -> Any:
    from fsl.data.preparing import open_preparation

    return open_preparation(*given)


def _forgetting_meanwhile(store: ObjectStore, config: RunConfig, preparation: Any) -> Any:
    """Let somebody ask for the words of the file that is being read, after its ingest looked for tombstones."""
    forget_maria(store, config)
    return preparation


def test_two_who_forget_at_once_both_succeed(
    peopled: ObjectStore, config: RunConfig, holders: Holders, secret: str
) -> None:
    hurried = _Overtaken(**vars(peopled)).by(lambda: forget_maria(peopled, config))
    other = Selection((parse_condition("text = greeting message 3"),))

    done = forget(hurried, config, other, who="person:bob", now=NOW)

    assert done.tombstone is not None
    assert done.tombstone.seq == 2
    assert holders(secret) == set()
    assert holders("greeting message 3") == set()
    assert load_labels(peopled, take_snapshot(peopled, config))[0].n == 11


class _Overtaken(ObjectStore):
    """A store in which somebody else does something just before the first tombstone is written."""

    def by(self, other: Callable[[], object]) -> "_Overtaken":
        object.__setattr__(self, "_others", [other])
        return self

    def create(self, key: str, data: bytes) -> bool:
        others: list[Callable[[], object]] = self._others  # type: ignore[attr-defined]
        if key.startswith(layout.TOMBSTONES) and others:
            others.pop()()
        return super().create(key, data)


def test_nothing_is_left_to_finish_afterwards(forgotten: ObjectStore, config: RunConfig) -> None:
    assert is_finished(forgotten, 1)
    assert finish(forgotten, config) == ()


def test_a_runs_record_loses_what_shows_the_texts_and_nothing_else(forgotten: ObjectStore) -> None:
    assert json.loads(forgotten.get(layout.run_record("a" * 32))) == {
        "flips": [{"text": "quite another", "was": "refund", "near": ["hello"]}],
        "headline": "accuracy",
    }


def test_a_file_that_was_set_aside_is_searched_too(
    peopled: ObjectStore, config: RunConfig, secret: str, holders: Holders
) -> None:
    lines = [{"text": secret, "label": "refund"}, {"text": "where is my parcel", "label": "parcel"}]
    peopled.put(layout.inbox("odd.jsonl"), "".join(json.dumps(line) + "\n" for line in lines).encode())
    set_aside(peopled, "odd.jsonl", reason="not ours", now=NOW)

    forget_maria(peopled, config)

    assert holders(secret, peopled) == set()
    (left,) = peopled.list(layout.SET_ASIDE_FILES)
    assert peopled.get(left.key) == b'{"text": "where is my parcel", "label": "parcel"}\n'
