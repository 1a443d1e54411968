"""What the converters make of raw files. These have the form of the published ones, and sentences of their own."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from bench.parts.sets import entities, texts
from bench.parts.sets.folder import as_measured, encode, read_files
from bench.parts.sets.rows import Row
from bench.parts.sets.sources import SOURCES

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("FSL_BENCH_DATA", ROOT.parent / "shared" / "data"))


def test_clinc_puts_texts_out_of_scope_last_and_adds_the_domain() -> None:
    parts = {f"{oos}{part}": [] for part in ("train", "val", "test") for oos in ("", "oos_")}
    parts |= {
        "train": [["book me a table for  four", "reservation"], ["what do i owe", "balance"]],
        "oos_train": [["who painted the ceiling", "oos"]],
    }
    raw = {
        texts.CLINC_TEXTS: json.dumps(parts).encode(),
        texts.CLINC_DOMAINS: json.dumps({"dining": ["reservation"], "money": ["balance"]}).encode(),
    }

    assert texts.clinc150(raw) == {
        "train": [
            {"text": "book me a table for four", "label": "reservation", "domain": "dining"},
            {"text": "what do i owe", "label": "balance", "domain": "money"},
            {"text": "who painted the ceiling", "label": "oos", "domain": "oos"},
        ],
        "dev": [],
        "test": [],
    }


def test_phrasebank_takes_the_strictest_agreement_merges_alike_sentences_and_leaves_out_contradictions() -> None:
    agreed = "Sepp+ñl+ñ sold 3 % more@positive\n"
    most = agreed + "The yard in Åbo closed .@negative\n"
    everything = most + "THE YARD IN ÅBO CLOSED@negative\nIt may rain .@neutral\nIt may rain@positive\n"
    raw = {
        texts.PHRASES.format("All"): agreed.encode("utf-8"),
        texts.PHRASES.format("75"): most.encode("latin-1"),
        texts.PHRASES.format("66"): most.encode("latin-1"),
        texts.PHRASES.format("50"): everything.encode("latin-1"),
    }

    assert texts.financial_phrasebank(raw) == {
        "train": [
            {"text": "Sepp+ñl+ñ sold 3 % more", "label": "positive", "agreement": 100},
            {"text": "The yard in Åbo closed .", "label": "negative", "agreement": 75},
        ],
        "test": [],
    }


def test_phrasebank_holds_back_a_fifth_of_every_label_and_agreement_and_keeps_the_order() -> None:
    agreed = "".join(f"Sales rose in week {week} .@positive\n" for week in range(10))
    mixed = agreed + "".join(f"Sales were flat in week {week} .@neutral\n" for week in range(15))
    raw = {
        texts.PHRASES.format(name): (mixed if name == "50" else agreed).encode() for name in ("All", "75", "66", "50")
    }

    splits = texts.financial_phrasebank(raw)

    assert [row["label"] for row in splits["test"]] == ["positive"] * 2 + ["neutral"] * 3
    assert [row["label"] for row in splits["train"]] == ["positive"] * 8 + ["neutral"] * 12
    order = [line.rpartition("@")[0] for line in mixed.splitlines()]
    for rows in splits.values():
        assert [row["text"] for row in rows] == sorted((row["text"] for row in rows), key=order.index)
    assert splits == texts.financial_phrasebank(raw)


def test_gold_reads_days_first_mends_broken_years_from_the_address_and_splits_in_time() -> None:
    header = "Dates\tURL\tNews\tPrice Direction Up\tPrice Sentiment\n"
    raw = header + "".join(
        f"{day}\thttp://example.org/{page}\t{news}\t1\t{label}\n"
        for day, page, news, label in (
            ("28-01-2016", "a", '"gold slips, again "', "negative"),
            ("6/9/2014", "b", "gold holds", "neutral"),
            ("0201-04-27", "gold-at-1200-2015-04-27", "gold’s rally", "positive"),
            ("0201-04-28", "no-day", "gold of no day", "none"),
            ("31-02-2015", "c", "gold of a day that is none", "none"),
            ("1/1/2015", "d", " ", "none"),
            ("06-09-2014", "e", "gold holds", "neutral"),
        )
    )

    assert texts.gold_headlines_dated({texts.GOLD: raw.encode()}) == {
        "train": [{"text": "gold holds", "label": "neutral", "timestamp": "2014-09-06"}],
        "test": [
            {"text": "gold’s rally", "label": "positive", "timestamp": "2015-04-27"},
            {"text": "gold slips, again", "label": "negative", "timestamp": "2016-01-28"},
        ],
    }


def test_complaints_keep_company_and_day_drop_repeats_and_split_in_time() -> None:
    raw = (
        "complaint_id,date_submitted,product,company,consumer_narrative,_true_theme\n"
        'C-1,2023-01-01T12:00:00-05:00,Mortgage,"NORTH, INC.","They lost\n\nmy deed",x\n'
        "C-2,2022-12-31T12:00:00-05:00,Credit card,SOUTH,My señor card was declined.,x\n"
        "C-3,2023-05-01T12:00:00-05:00,Mortgage,EAST,They lost my deed!,x\n"
    )

    assert texts.cfpb_complaints_dated({texts.CFPB: raw.encode()}) == {
        "train": [
            {
                "text": "My señor card was declined.",
                "label": "Credit card",
                "timestamp": "2022-12-31",
                "company": "SOUTH",
            }
        ],
        "test": [
            {"text": "They lost my deed", "label": "Mortgage", "timestamp": "2023-01-01", "company": "NORTH, INC."}
        ],
    }


def test_turns_that_are_short_repeated_or_known_from_train_are_left_out() -> None:
    def turns(*utterances: str) -> bytes:
        head = "conversationId\tturnNumber\tutteranceId\tutterance\tslot-labels\tintent\n"
        return (head + "".join(f"c\t1\tu\t{text}\tO\tintent\n" for text in utterances)).encode()

    nothing = {texts.TURNS.format(domain, split): turns() for domain in texts.DOMAINS for split in ("train", "test")}
    raw = nothing | {
        texts.TURNS.format("media", "train"): turns("is the jalapeño show on", "i am so ok", "no thank you very-much"),
        texts.TURNS.format("airline", "train"): turns(
            'please move me to "12 a', "a window seat please", "Please move me to 12 a!"
        ),
        texts.TURNS.format("airline", "test"): turns(
            "Is the jalapeño show on?", "three words only", "an aisle seat please"
        ),
    }

    assert texts.support_unlabelled_multidogo(raw) == {
        "train": [
            {"text": 'please move me to "12 a', "domain": "airline"},
            {"text": "a window seat please", "domain": "airline"},
            {"text": "is the jalapeño show on", "domain": "media"},
            {"text": "no thank you very-much", "domain": "media"},
        ],
        "test": [{"text": "an aisle seat please", "domain": "airline"}],
    }


def test_wnut_begins_every_entity_with_b_and_cuts_at_empty_lines_alone() -> None:
    lines = "In\tO\nNew\tI-location\nYork\tI-location\nAda\tI-person\n\t\nsnow\u2028man\tO\n☃\tB-product"
    raw = {path: lines.encode() for path in entities.WNUT.values()}

    assert entities.wnut17(raw)["dev"] == [
        {"tokens": ["In", "New", "York", "Ada"], "tags": ["O", "B-location", "I-location", "B-person"]},
        {"tokens": ["snow\u2028man", "☃"], "tags": ["O", "B-product"]},
    ]


def test_fewnerd_samples_sentences_in_their_order_and_none_that_is_long() -> None:
    short = "".join(f"Sentence\tO\n{number}\tO\n\n" for number in range(2600))
    long = "word\tO\n" * 101 + "\n"
    raw = {path: (long + short).encode() for path in entities.FEWNERD.values()}

    splits = entities.fewnerd_small(raw)

    assert {split: len(rows) for split, rows in splits.items()} == {"train": 2600, "test": 2500, "novel": 2600}
    numbers = [int(row["tokens"][1]) for row in splits["test"]]
    assert numbers == sorted(set(numbers))
    assert splits == entities.fewnerd_small(raw)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")
def test_the_recorded_digests_are_those_of_the_data_and_rows_are_written_as_it_has_them(name: str) -> None:
    source = SOURCES[name]
    files = read_files(DATA / name, source.measured)

    assert as_measured(files, source.measured)
    assert encode({split: _rows(body) for split, body in files.items()}) == files


@pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA}; FSL_BENCH_DATA names it")
def test_sets_without_a_seed_written_back_as_raw_files_come_out_as_measured() -> None:
    banking = {split: _table("text,category", split) for split in ("train", "test")}
    wnut = {
        path: "\n".join(
            "".join(f"{token}\t{tag}\n" for token, tag in zip(row["tokens"], row["tags"], strict=True))
            for row in _of("wnut17", split)
        ).encode()
        for split, path in entities.WNUT.items()
    }
    banking_raw = {f"banking_data/{split}.csv": body for split, body in banking.items()}

    assert as_measured(encode(texts.banking77(banking_raw)), SOURCES["banking77"].measured)
    assert as_measured(encode(entities.wnut17(wnut)), SOURCES["wnut17"].measured)


def _table(header: str, split: str) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header.split(","), *([row["text"], row["label"]] for row in _of("banking77", split))])
    return out.getvalue().encode()


def _of(name: str, split: str) -> list[Row]:
    return _rows((DATA / name / f"{split}.jsonl").read_bytes())


def _rows(body: bytes) -> list[Row]:
    return [json.loads(line) for line in body.decode().split("\n") if line]
