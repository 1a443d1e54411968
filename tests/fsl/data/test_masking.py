"""Personal data is masked before storage, at its own length, so that spans and everything else stay where they were."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsl.config import DataConfig, RunConfig
from fsl.data.batches import BatchRecord, StoredTable
from fsl.data.history import read_history
from fsl.data.masking import Masker
from fsl.data.quarantine import RefusedRow
from fsl.errors import MissingPackage
from fsl.store import layout
from fsl.store.objects import ObjectStore

pytest.importorskip("phonenumbers", reason="masking is an extra: pip install 'fsl[mask]'")
pytest.importorskip("stdnum", reason="masking is an extra: pip install 'fsl[mask]'")

ALL = ("email", "phone", "card", "account")
Ingest = Callable[..., BatchRecord]


@pytest.mark.parametrize(
    ("text", "masked", "kind"),
    [
        ("mail anna.b+x@web.example.de, please", "mail xxxx.x+x@xxx.xxxxxxx.xx, please", "email"),
        ("写信给张伟@例子.公司 吧", "xxxxx@xx.xx 吧", "email"),
        ("call +49 221 12345678 now", "call +00 000 00000000 now", "phone"),
        ("card 4111 1111 1111 1111 12 times", "card 0000 0000 0000 0000 12 times", "card"),
        ("card 378282246310005.", "card 000000000000000.", "card"),
        ("to DE89 3704 0044 0532 0130 00 and thanks", "to xx00 0000 0000 0000 0000 00 and thanks", "account"),
        ("gb82west12345698765432", "xx00xxxx00000000000000", "account"),
    ],
)
def test_each_kind_is_masked_at_its_own_length(text: str, masked: str, kind: str) -> None:
    masker = Masker(ALL)

    assert masker.mask(text) == masked
    assert masker.counts == {kind: 1}
    assert len(masked) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "my order is 2024090512345679",  # fails the check of cards
        "build 1.2.3 @ 10:30, room 5",
        "on 2024-09-05 at 12:30:00",
        "DE88 3704 0044 0532 0130 00",  # fails the check of accounts
        "9111 1111 1111 1111",
        "@anna and anna@",
        "",
    ],
)
def test_other_numbers_and_signs_stay(text: str) -> None:
    masker = Masker(ALL)

    assert masker.mask(text) == text
    assert not masker.counts


def test_a_number_without_a_country_code_is_found_in_its_country_alone() -> None:
    text = "ruf 0221 12345678 an"

    assert Masker(("phone",), "DE").mask(text) == "ruf 0000 00000000 an"
    assert Masker(("phone",)).mask(text) == text


def test_only_the_kinds_that_are_named_are_masked() -> None:
    assert Masker(("card",)).mask("anna@web.de 4111111111111111") == "anna@web.de 0000000000000000"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["a.b@c.de", "+49 221 12345678", "4111 1111 1111 1111", "🙂 ٣"]))
def test_any_text_keeps_its_length_and_a_second_masking_finds_nothing(text: str, secret: str) -> None:
    masker = Masker(ALL, "DE")

    once = masker.mask(f"{text} {secret} {text}")
    masker.counts.clear()

    assert len(once) == len(f"{text} {secret} {text}")
    assert masker.mask(once) == once
    assert not masker.counts


def test_numbers_and_nested_values_of_other_columns_are_masked_and_not_counted() -> None:
    masker = Masker(ALL)

    value = {"a": ["anna@web.de", {"b": 4111111111111111}], "n": 7, "yes": True, "none": None, "x": 1.5}

    assert masker.mask_value(value) == {
        "a": ["xxxx@xxx.xx", {"b": "0000000000000000"}],
        "n": 7,
        "yes": True,
        "none": None,
        "x": 1.5,
    }
    assert not masker.counts


def test_nothing_personal_of_a_file_is_stored_outside_the_inbox(
    store: ObjectStore, ingest: Ingest, sound_rows: Callable[..., list[dict[str, Any]]]
) -> None:
    rows = [
        *sound_rows(),
        {"text": "write to anna@web.de", "label": "refund", "from": "anna@web.de"},
        {"text": "or to anna@web.de"},
        {"text": "", "label": "refund", "from": "anna@web.de"},
        {"text": "odd", "label": ["anna@web.de"]},
    ]

    record = ingest("a.jsonl", rows, mask=["email"])

    held = {info.key for info in store.list() if b"anna@web" in store.get(info.key)}
    assert held == {layout.inbox("a.jsonl")}  # as it was dropped; `data.retention.inbox_days` removes it
    assert record.masked == {"email": 2}
    assert "Masked before storage: 2 email" in store.get(record.report).decode()


def test_spans_of_a_tagging_row_still_say_what_they_said(
    ingest: Ingest, table: Callable[[StoredTable], list[dict[str, Any]]]
) -> None:
    text = "Acme Ltd, anna@acme.example, Bern"
    spans = [[0, 8, "ORG"], [10, 27, "MAIL"], [29, 33, "LOC"]]

    record = ingest(
        "a.jsonl", [{"text": text, "spans": spans}] * 2, kind="tagging", mask=["email"], new_label_min_rows=1
    )

    (row,) = table(record.rows)
    assert row["text"] == "Acme Ltd, xxxx@xxxx.xxxxxxx, Bern"
    assert json.loads(row["target"]) == spans
    assert [row["text"][start:end] for start, end, _ in spans] == ["Acme Ltd", "xxxx@xxxx.xxxxxxx", "Bern"]


def test_a_refused_row_can_be_mended_from_what_is_kept(
    ingest: Ingest, refused: Callable[[BatchRecord], list[RefusedRow]], sound_rows: Callable[..., list[dict[str, Any]]]
) -> None:
    record = ingest("a.jsonl", [*sound_rows(), {"text": 'an "anna@web.de"\nhere', "label": 5.5}], mask=["email"])

    (row,) = refused(record)
    assert row.text == 'an "xxxx@xxx.xx"\nhere'
    assert json.loads(row.raw) == {"text": row.text, "label": 5.5}


def test_without_the_extra_a_sentence_says_what_to_install_and_nothing_is_taken_in(
    store: ObjectStore, ingest: Ingest, sound_rows: Callable[..., list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)

    with pytest.raises(MissingPackage, match=r"masking \(`data.mask`\) needs the package.*pip install 'fsl\[mask\]'"):
        ingest("a.jsonl", sound_rows(), mask=["email", "phone"])

    assert read_history(store) == ()


def test_a_kind_that_there_is_not_is_refused_by_the_config() -> None:
    with pytest.raises(ValueError, match="mask"):
        RunConfig(project="tickets", data=DataConfig(mask=["passport"]))  # type: ignore[arg-type]
