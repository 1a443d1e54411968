"""Duplicates and contradictions among rows, and with rows that were accepted before."""

from collections.abc import Sequence

from fsl.data.checking.relations import Entry, Interned, Known, Relations, Survey, digest_of, relate, sameness_of
from fsl.data.normalise import group_of
from fsl.problems import find_problem

CLASSIFICATION, TAGGING = find_problem("classification"), find_problem("tagging")


def key_of(text: str) -> bytes:
    return sameness_of(text, group_of(text), "text")


def survey_of(rows: Sequence[tuple[str, str | None]]) -> Survey:
    """Take rows as (text, label), on lines 1, 2, 3 …"""
    survey = Survey()
    for line, (text, label) in enumerate(rows, start=1):
        target = None if label is None else f'"{label}"'
        digest, labels = Interned().of(target, (label,) if label else ())
        survey.add(key_of(text), Entry(digest_of(f"{text}{target}"), line, digest, labels))
    return survey


def relate_rows(rows: Sequence[tuple[str, str | None]], known: dict[bytes, Known] | None = None) -> Relations:
    return relate(survey_of(rows), known or {}, CLASSIFICATION)


def test_of_equal_rows_one_is_kept_and_the_others_name_it() -> None:
    relations = relate_rows([("Hello there", "greeting"), ("Hello there", "greeting"), ("bye", "farewell")])

    assert relations.duplicates == {2: "duplicate of line 1"}
    assert relations.contradictions == {}
    assert [entry.line for entry in relations.distinct] == [1, 3]


def test_which_of_nearly_equal_rows_is_kept_does_not_depend_on_their_order() -> None:
    rows: list[tuple[str, str | None]] = [("Hello there", "greeting"), ("hello, there!", "greeting")]

    kept = rows[relate_rows(rows).distinct[0].line - 1]
    kept_reversed = rows[::-1][relate_rows(rows[::-1]).distinct[0].line - 1]

    assert kept == kept_reversed


def test_one_text_under_two_labels_bars_all_its_rows_and_each_names_the_others() -> None:
    relations = relate_rows([("send it back", "refund"), ("fine", "other"), ("Send it back!", "return")])

    assert relations.contradictions == {
        1: "line 1 ('refund') has the same text as line 3 ('return'), with another label",
        3: "line 3 ('return') has the same text as line 1 ('refund'), with another label",
    }
    assert [entry.line for entry in relations.distinct] == [2]


def test_a_text_that_stands_against_many_names_five_of_them() -> None:
    relations = relate_rows([("same", "a"), *[("same", "b")] * 8])

    assert relations.contradictions[1] == (
        "line 1 ('a') has the same text as line 2 ('b'), line 3 ('b'), line 4 ('b'), line 5 ('b'), line 6 ('b') "
        "and 3 more lines, with another label"
    )
    assert relations.contradictions[9] == "line 9 ('b') has the same text as line 1 ('a'), with another label"


def test_earlier_rows_make_duplicates_and_contradictions_that_name_their_batch() -> None:
    known = {
        key_of("send it back"): Known(digest_of('"refund"'), ("refund",), 3, "monday.jsonl:17"),
        key_of("hello"): Known(digest_of('"greeting"'), ("greeting",), 1, "first.csv:2"),
    }

    relations = relate_rows([("Send it back", "return"), ("Hello!", "greeting"), ("new", "refund")], known)

    assert relations.contradictions == {
        1: "batch 3 (monday.jsonl:17) holds the same text with another target ('refund')"
    }
    assert relations.duplicates == {2: "duplicate of batch 1 (first.csv:2)"}
    assert [entry.line for entry in relations.distinct] == [3]


def test_unlabelled_texts_are_merged_and_contradict_nothing() -> None:
    relations = relate_rows([("hello", None), ("hello", None), ("hello", "greeting")])

    assert relations.duplicates == {2: "duplicate of line 1"}
    assert relations.contradictions == {}
    assert [entry.line for entry in relations.distinct] == [3]


def test_spans_are_compared_only_between_texts_that_are_equal_character_by_character() -> None:
    survey = Survey()
    for line, (text, target) in enumerate(
        [("Acme rose", "[[0,4]]"), (" Acme rose", "[[1,5]]"), ("Acme rose", "[]")], 1
    ):
        survey.add(sameness_of(text, group_of(text), TAGGING.unit), Entry(digest_of(text), line, digest_of(target), ()))

    relations = relate(survey, {}, TAGGING)

    assert set(relations.contradictions) == {1, 3}
    assert [entry.line for entry in relations.distinct] == [2]
