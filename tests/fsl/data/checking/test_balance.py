"""A file beside those before it: scripts, label shares, new labels, texts that are cut; and what follows."""

from collections.abc import Callable
from typing import Any

import pytest

from fsl.data.batches import BatchRecord
from fsl.data.checking.balance import fewest_tokens, label_shift, script_of, share_of, share_unseen
from fsl.data.errors import LabelsAllNew
from fsl.data.history import read_history
from fsl.data.intake import pending_objects
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Rows = Callable[..., list[dict[str, Any]]]
Codes = Callable[[BatchRecord], dict[int, tuple[str, ...]]]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("hello", "LATIN"),
        ("Łódź", "LATIN"),
        ("我的 card", "LATIN"),
        ("我的订单在哪里 ok", "CJK"),
        ("أين طلبي", "ARABIC"),
        ("42 🙂", ""),
    ],
)
def test_a_text_is_in_the_script_of_most_of_its_letters(text: str, script: str) -> None:
    assert script_of(text) == script


@pytest.mark.parametrize(("form", "n"), [("", 0), ("one two", 2), ("我的订单", 5), ("né à", 2)])
def test_words_bound_the_tokens_from_below(form: str, n: int) -> None:
    assert fewest_tokens(form) == n


def test_shares_are_worked_out_by_hand() -> None:
    assert share_unseen({"LATIN": 3, "ARABIC": 1}, {"LATIN": 9}) == 0.25
    assert share_unseen({"ARABIC": 1}, {}) == 0.0
    assert label_shift({"a": 1, "b": 3, "new": 9}, {"a": 30, "b": 10}) == 0.5
    assert label_shift({"new": 9}, {"a": 30}) == 0.0
    assert share_of(("new",), {"new": 9, "a": 1}) == 0.9


def test_a_file_of_hardly_anything_but_new_labels_is_stopped_with_their_names(
    ingest: Ingest, store: ObjectStore, sound_rows: Rows
) -> None:
    first = ingest("first.jsonl", sound_rows())
    renamed = sound_rows(("refund_2", "greeting_2"), n=12)

    with pytest.raises(
        LabelsAllNew, match=r"100% of the labelled rows of next\.jsonl .*'greeting_2', 'refund_2'.*renamed"
    ):
        ingest("next.jsonl", renamed, on_unknown_label="accept")

    assert read_history(store) == (first,)
    assert pending_objects(store) == ("inbox/next.jsonl",)
    meant = ingest("next.jsonl", renamed, on_unknown_label="accept", max_new_label_share=1)
    assert meant.new_labels == ("greeting_2", "refund_2")


def test_what_is_unusual_is_noted_on_the_page_and_stops_nothing(
    ingest: Ingest, store: ObjectStore, sound_rows: Rows
) -> None:
    ingest("first.jsonl", sound_rows())
    rows = [{"text": f"استرداد رقم {index} من فضلك", "label": "refund"} for index in range(30)]
    long = [{"text": f"{index} " + "ten words more " * 500, "label": "refund"} for index in range(10)]

    record = ingest("next.jsonl", [*rows, *long], max_label_shift=0.3)

    page = store.get(record.report).decode()
    assert record.rows.n == 40
    assert record.scripts == {"ARABIC": 30, "LATIN": 10}
    for words in ("in a script not seen before", "longer than the encoder reads", "The shares of labels moved"):
        before, _, _ = page.partition(words)
        assert before.rpartition("<tr")[2].count("! noted") == 1, words


def test_a_time_that_cannot_be_true_costs_its_row_alone(ingest: Ingest, codes: Codes, sound_rows: Rows) -> None:
    rows = [{**row, "date": "2026-02-01"} for row in sound_rows()]
    odd = [{"text": "from the past", "label": "refund", "date": "1803-05-01"}]
    odd += [{"text": "from the future", "label": "refund", "date": "2026-03-09"}]
    odd += [{"text": "a clock that is fast", "label": "refund", "date": "2026-03-02T06:00:00Z"}]

    record = ingest("a.jsonl", [*rows, *odd], time_column="date")

    assert codes(record) == {11: ("time_out_of_range",), 12: ("time_out_of_range",)}
