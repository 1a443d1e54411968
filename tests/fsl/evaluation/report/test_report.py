"""The run's page, its Markdown and the model card: what they say, and that hostile texts stay texts."""

import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
import yaml

from fsl.config import GateConfig
from fsl.evaluation.examination.record import BehaviourResult, Examination, RobustnessResult, SliceRows
from fsl.evaluation.report.in_markdown import render_markdown
from fsl.evaluation.report.markdown import plain
from fsl.evaluation.report.model_card import render_model_card
from fsl.evaluation.report.page import render_page
from fsl.evaluation.report.record import (
    Candidate,
    DataFacts,
    Footprint,
    LabelRows,
    RunFacts,
    RunReport,
    build_report,
)
from fsl.evaluation.report.shown import describe_answer
from fsl.evaluation.ruling.gate import judge
from fsl.evaluation.scores.records import ScoreSheet
from fsl.problems import find_problem

BuildSheet = Callable[..., ScoreSheet]
BuildPair = Callable[..., tuple[ScoreSheet, ScoreSheet]]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> ![p](http://evil.test/p.png) \x1b[31m\u202etxt.exe"


class Elements(HTMLParser):
    """Which elements a page holds, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements_of(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(page)
    return parser.found


def facts(labels: tuple[str, ...] = ("balance", "refund"), **changes: str) -> RunFacts:
    return RunFacts(
        project=changes.get("project", "support-intents"),
        kind="classification",
        when=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        trigger=changes.get("trigger", "a new batch"),
        data=DataFacts("a1b2c3", tuple(LabelRows(label, 28, 4, 8) for label in labels), 500),
        candidates=(
            Candidate("frozen probe", -1.09, 3.2, won=False),
            Candidate("distilled student", -0.927, 61.0, won=True, note="LoRA"),
        ),
        footprint=Footprint(91_000_000, 23_600_000, 0.008, 0.013, "int8"),
    )


def report_of(champion: ScoreSheet | None, challenger: ScoreSheet, text: str = "where is my money") -> RunReport:
    problem, gate = find_problem("classification"), GateConfig()
    texts = {row.row_id: text for row in challenger.rows}
    verdict = judge(champion, challenger, problem, gate)
    return build_report(facts(), champion, challenger, texts, verdict, problem, gate)


@pytest.fixture(scope="module")
def report(paired_predictions: BuildPair) -> RunReport:
    return report_of(*paired_predictions(wins=10, losses=2, ties=80))


def test_the_page_says_what_was_decided_and_why(report: RunReport) -> None:
    page = render_page(report)

    assert "challenger-2 against champion-1" in page
    assert "10 rows won and 2 lost" in page
    assert "p = 0.019" in page
    assert "2 more lost rows would have left it undecided" in page


def test_the_page_loads_nothing_and_runs_nothing(report: RunReport) -> None:
    page = render_page(report)
    elements = elements_of(page)

    assert {name for name, _ in elements} & {"script", "link", "img", "iframe", "object", "a", "base"} == set()
    assert not [key for _, attributes in elements for key in attributes if key in {"src", "href", "style"}]
    assert not [key for _, attributes in elements for key in attributes if key.startswith("on")]
    assert "default-src 'none'; style-src 'sha256-" in page
    assert "http" not in page.replace("http-equiv", "")


def test_hostile_texts_and_names_stay_text_on_the_page(sheet: BuildSheet) -> None:
    answers = [(HOSTILE, HOSTILE)] * 20 + [("refund", "refund")] * 20
    champion = sheet("old" + HOSTILE, [*answers[:19], (HOSTILE, "refund"), *answers[20:]], labels=(HOSTILE, "refund"))
    challenger = sheet("new" + HOSTILE, [(HOSTILE, "refund"), *answers[1:]], labels=(HOSTILE, "refund"))

    page = render_page(report_of(champion, challenger, text=HOSTILE))

    names = {name for name, _ in elements_of(page)}
    assert names & {"script", "img"} == set()
    assert "&lt;script&gt;alert(1)" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_other_scripts_pass_through(sheet: BuildSheet) -> None:
    answers = [("退款", "退款")] * 20 + [("余额", "余额")] * 20

    page = render_page(report_of(None, sheet("版本", answers, labels=("退款", "余额")), text="👩‍💻 钱在哪里"))

    assert "退款" in page
    assert "版本 as the first champion" in page


def test_flipped_texts_are_shown_with_their_first_160_characters(paired_predictions: BuildPair) -> None:
    long = "x" * 500

    made = report_of(*paired_predictions(wins=3, losses=2, ties=20), text=long)

    assert (made.n_became_right, made.n_became_wrong) == (3, 2)
    assert made.became_wrong[0].text == "x" * 160 + "…"
    flip = made.became_wrong[0]
    assert (flip.truth, flip.champion, flip.challenger) == ("refund", "refund", "balance")


def test_spans_are_shown_by_what_they_cover() -> None:
    assert describe_answer([[0, 4, "ORG"], [13, 16, "PERSON"]], "Acme was led Bob") == "ORG: Acme, PERSON: Bob"
    assert describe_answer([], "Acme") == "nothing"


def test_a_first_model_gets_its_page(sheet: BuildSheet) -> None:
    made = report_of(None, sheet("first", [("refund", "refund")] * 5))

    assert "first as the first champion" in render_page(made)
    assert "first, the first champion" in render_markdown(made)


def test_a_damaged_model_gets_its_page_and_its_json(sheet: BuildSheet) -> None:
    nan = float("nan")
    answers = [("refund", "refund")] * 5
    made = report_of(
        sheet("old", answers), sheet("new", [("refund", "balance")] * 5, confidence=nan, latency_p95_ms=nan)
    )

    page = render_page(made)

    assert "no probability" in page
    assert "not measured" in page
    assert "nan%" not in page
    assert "nan ms" not in page
    assert json.dumps(made.to_json(), allow_nan=False)


def test_an_unreadable_challenger_still_gets_its_page(paired_predictions: BuildPair) -> None:
    problem, gate = find_problem("tagging"), GateConfig()
    pair = paired_predictions(wins=1, losses=1, ties=5)

    made = build_report(facts(), *pair, {}, judge(*pair, problem, gate), problem, gate)

    assert "cannot be read" in render_page(made)


def test_the_report_comes_back_from_json_as_it_was(report: RunReport) -> None:
    assert RunReport.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))) == report


def test_hostile_texts_stay_text_in_markdown() -> None:
    assert plain("![x](http://evil.test/p.png)") == "\\!\\[x\\](http\\://evil.test/p.png)"
    assert plain("a | b\n# c") == "a \\| b \\# c"
    assert plain("<b> & www.evil.test") == "\\<b\\> \\& www\\.evil.test"


def test_the_markdown_says_what_was_decided_and_why(report: RunReport) -> None:
    text = render_markdown(report)

    assert text.startswith("# Promote: challenger-2 against champion-1")
    assert "10 rows won and 2 lost" in text
    assert "Wrong before, right now: 10" in text


def test_the_model_card_has_the_hubs_header(report: RunReport) -> None:
    _, header, body = render_model_card(report, base_model="packaged:all-MiniLM-L6-v2").split("---\n", 2)

    metadata = yaml.safe_load(header)
    assert metadata["pipeline_tag"] == "text-classification"
    metrics = {one["type"]: one["value"] for one in metadata["model-index"][0]["results"][0]["metrics"]}
    assert metrics["accuracy"] == round(90 / 92, 4)
    assert "# challenger-2" in body
    assert "## Limits" in body


def examined(sheet: ScoreSheet, words: str) -> ScoreSheet:
    """The sheet with findings beyond its rows, named and exemplified by some words."""
    found = Examination(
        robustness=(RobustnessResult("typos", 40, 3, 38, 36),),
        behaviour=(BehaviourResult(words, "refund", 4, 1, (words,)),),
        slices=(SliceRows(words, tuple(row.row_id for row in sheet.rows[:10]), 5, 2, (words,)),),
        out_of_scope=(0.9, 0.1),
        peak_memory_bytes=123_000_000,
    )
    return dataclasses.replace(sheet, examination=found)


def test_what_was_asked_beyond_the_judge_rows_stands_on_page_markdown_and_card(paired_predictions: BuildPair) -> None:
    champion, challenger = paired_predictions(wins=10, losses=2, ties=80)

    made = report_of(champion, examined(challenger, "asks for money"))

    for words in (render_page(made), render_markdown(made), render_model_card(made, base_model="base")):
        assert "7.5% of 40 change, accuracy 95.0% to 90.0%" in words
        assert "3 of 4 hold" in words
        assert "swapping words changes 2 of 5 answers" in words
        assert "123.0 MB" in words
        assert "100.0%) on 10 rows, 97.6% on the others" in words
    assert "none declared" not in render_page(made)


def test_what_a_project_never_asked_is_named_as_not_measured(paired_predictions: BuildPair) -> None:
    champion, challenger = paired_predictions(wins=10, losses=2, ties=80)

    page = render_page(report_of(champion, dataclasses.replace(challenger, examination=Examination())))

    assert "not measured: gate.out_of_scope declares no text" in page
    assert "none declared under gate.behaviour" in page
    assert "declared under gate.slices" in page


def test_hostile_checks_slices_and_answers_stay_text(paired_predictions: BuildPair) -> None:
    champion, challenger = paired_predictions(wins=3, losses=2, ties=20)

    page = render_page(report_of(champion, examined(challenger, HOSTILE)))

    assert {name for name, _ in elements_of(page)} & {"script", "img"} == set()
    assert not {"\x1b", "\u202e"} & set(page)


def test_the_candidates_stand_with_their_likelihood_and_their_cost(report: RunReport) -> None:
    for words in (render_page(report), render_markdown(report)):
        assert "-0.927" in words
        assert "61 s" in words
        assert "chosen" in words


def test_the_page_says_what_is_answered_as_served_and_how_much_of_it_is_right(
    paired_predictions: BuildPair,
) -> None:
    champion, challenger = paired_predictions(wins=10, losses=2, ties=80)
    rows = tuple(
        dataclasses.replace(row, scope=-0.5, abstained=None if row.correct else "unsure") for row in challenger.rows
    )
    found = Examination(out_of_scope=(0.9, 0.8), scopes=(-0.9, -0.4), n_answered=1)
    shy = dataclasses.replace(challenger, rows=rows, examination=found)

    markdown = render_markdown(report_of(champion, shy))

    lines = {line.split("|")[1].strip(): line for line in markdown.splitlines() if line.startswith("|")}
    answered, right = lines["As served: texts that are answered"], lines["As served: right among the answers given"]
    assert "97.8% (" in answered  # 90 of 92
    assert "all of them" in answered  # the champion sets no limit
    assert "100.0% (" in right
    assert "0 right ones withheld" in right
    assert "1 of 2" in lines["As served: out-of-scope texts answered"]
    assert "0.500 (" in lines["Out-of-scope texts are told (AUROC)"]
    assert "by scope" in lines["Out-of-scope texts are told (AUROC)"]


def test_a_page_of_versions_without_limits_says_nothing_of_what_is_withheld(report: RunReport) -> None:
    assert "As served" not in render_markdown(report)
