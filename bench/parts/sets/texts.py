"""Raw files of the sets of texts, as rows. Each function is pure: bytes by path in, rows by split out.

What was changed on the way is what each docstring says. Sets of entities are in `bench.parts.sets.entities`.
"""

import json
import random
import re
from collections import defaultdict
from datetime import date

from bench.parts.sets.rows import SEED, Raw, Row, Splits, clean, likeness, lines_of, table

BANKING = "banking_data"
CLINC_TEXTS, CLINC_DOMAINS = "data/data_full.json", "data/domains.json"
PHRASES = "data/FinancialPhraseBank-v1.0/Sentences_{}Agree.txt"
AGREEMENTS = {100: "All", 75: "75", 66: "66", 50: "50"}  # percent of the annotators, by the name of its file
GOLD = "gold-dataset-sinha-khandait.csv"
CFPB = "cfpb_sample.csv"
TURNS = "data/paper_splits/splits_annotated_at_turn_level/{}/{}.tsv"
DOMAINS = ("airline", "fastfood", "finance", "insurance", "media", "software")

FIRST_GOLD_TEST_DAY = "2015-01-01"
FIRST_CFPB_TEST_DAY = "2023-01-01"
MIN_TURN_WORDS, MIN_TURN_CHARS = 4, 15


def banking77(raw: Raw) -> Splits:
    """The official split; white space collapsed."""
    return {
        split: [
            {"text": clean(row["text"]), "label": row["category"].strip()}
            for row in table(raw[f"{BANKING}/{split}.csv"], "text", "category")
        ]
        for split in ("train", "test")
    }


def clinc150(raw: Raw) -> Splits:
    """The official split; texts out of scope stand behind the others, and each row has the domain of its intent."""
    texts, domains = json.loads(raw[CLINC_TEXTS]), json.loads(raw[CLINC_DOMAINS])
    domain_of = {intent: domain for domain, intents in domains.items() for intent in intents} | {"oos": "oos"}
    return {
        split: [
            {"text": clean(text), "label": label, "domain": domain_of[label]}
            for text, label in [*texts[part], *texts[f"oos_{part}"]]
        ]
        for split, part in (("train", "train"), ("dev", "val"), ("test", "test"))
    }


def financial_phrasebank(raw: Raw) -> Splits:
    """A fifth of each label and agreement as test, drawn by a seed: there is no official split.

    The agreement is that of the strictest file that holds a sentence. Of alike sentences the first is kept; none is
    where their labels differ.
    """
    files = {agreement: _sentences(raw[PHRASES.format(name)]) for agreement, name in AGREEMENTS.items()}
    held = {agreement: {likeness(text) for text, _ in rows} for agreement, rows in files.items()}
    labels: dict[str, set[str]] = defaultdict(set)
    first: dict[str, Row] = {}
    for text, label in files[50]:
        alike = likeness(text)
        labels[alike].add(label)
        agreement = next(agreement for agreement in AGREEMENTS if alike in held[agreement])
        first.setdefault(alike, {"text": text, "label": label, "agreement": agreement})
    rows = [row for alike, row in first.items() if len(labels[alike]) == 1]

    strata: dict[tuple[str, int], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        strata[row["label"], row["agreement"]].append(place)
    generator, test = random.Random(SEED), set[int]()
    for _, places in sorted(strata.items()):
        generator.shuffle(places)
        test.update(places[: round(len(places) / 5)])
    return {
        "train": [row for place, row in enumerate(rows) if place not in test],
        "test": [row for place, row in enumerate(rows) if place in test],
    }


def _sentences(raw: bytes) -> list[tuple[str, str]]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # as published; the mirror has one of the four files in UTF-8
    found = [line.rpartition("@") for line in lines_of(text) if line.strip()]
    bad = [label for _, _, label in found if label.strip() not in ("negative", "neutral", "positive")]
    if bad:
        raise ValueError(f"{bad[0][:40]!r} is no sentiment")
    return [(clean(sentence), label.strip()) for sentence, _, label in found]


def gold_headlines_dated(raw: Raw) -> Splits:
    """Headline, price sentiment and day, sorted by day and text; split in time.

    A day with a broken year is taken from the address of the article; a row without a text or without any day, and an
    exact repeat, is left out.
    """
    rows: dict[tuple[str, str], Row] = {}
    for row in table(raw[GOLD], "Dates", "URL", "News", "Price Sentiment", delimiter="\t"):
        text, day, label = clean(row["News"]), _day(row["Dates"], row["URL"]), row["Price Sentiment"].strip()
        if text and day:
            rows.setdefault((day, text, label), {"text": text, "label": label, "timestamp": day})
    return _split_in_time(list(rows.values()), FIRST_GOLD_TEST_DAY)


def _day(written: str, url: str) -> str | None:
    numbers = re.fullmatch(r"(\d{1,2})[-/](\d{1,2})[-/]((?:19|20)\d\d)", written.strip())
    candidates = [numbers.groups()[::-1]] if numbers else re.findall(r"((?:19|20)\d\d)-(\d\d?)-(\d\d?)", url)[-1:]
    for year, month, day in candidates:
        try:
            return date(int(year), int(month), int(day)).isoformat()
        except ValueError:
            return None
    return None


def cfpb_complaints_dated(raw: Raw) -> Splits:
    """Narrative, product, day and company, sorted by day and text; repeats dropped; split in time."""
    rows: dict[str, Row] = {}
    for row in table(raw[CFPB], "consumer_narrative", "product", "date_submitted", "company"):
        text, day = clean(row["consumer_narrative"]), date.fromisoformat(row["date_submitted"][:10]).isoformat()
        if text:
            found = {"text": text, "label": row["product"].strip(), "timestamp": day, "company": clean(row["company"])}
            rows.setdefault(likeness(text), found)
    return _split_in_time(list(rows.values()), FIRST_CFPB_TEST_DAY)


def _split_in_time(rows: list[Row], first_test_day: str) -> Splits:
    rows = sorted(rows, key=lambda row: (row["timestamp"], row["text"]))
    return {
        "train": [row for row in rows if row["timestamp"] < first_test_day],
        "test": [row for row in rows if row["timestamp"] >= first_test_day],
    }


def support_unlabelled_multidogo(raw: Raw) -> Splits:
    """The customers' turns without their labels; short ones, repeats in a domain, and test turns of train dropped."""
    train = [row for domain in DOMAINS for row in _turns(raw[TURNS.format(domain, "train")], domain)]
    known = {likeness(row["text"]) for row in train}
    test = [row for domain in DOMAINS for row in _turns(raw[TURNS.format(domain, "test")], domain)]
    return {"train": train, "test": [row for row in test if likeness(row["text"]) not in known]}


def _turns(raw: bytes, domain: str) -> list[Row]:
    header, *lines = [line.split("\t") for line in lines_of(raw.decode("utf-8", "replace")) if line]
    column = header.index("utterance")
    texts = [clean(line[column]) for line in lines]
    long = [text for text in texts if len(text.split()) >= MIN_TURN_WORDS and len(text) >= MIN_TURN_CHARS]
    first: dict[str, str] = {}
    for text in long:
        first.setdefault(likeness(text), text)
    return [{"text": text, "domain": domain} for text in first.values()]
