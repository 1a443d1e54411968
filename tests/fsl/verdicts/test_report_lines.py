"""What the page says, in the terminal: inert, whatever a row or a label holds."""

import io

from rich.console import Console

from fsl.commands.report_lines import change_lines, flip_lines, verdict_lines
from fsl.evaluation.comparison.changes import ConfusionChange, Forgetting
from fsl.evaluation.comparison.flips import Flip
from fsl.evaluation.ruling.verdict import Outcome, Verdict
from fsl.evaluation.scores.intervals import Interval
from fsl.explaining.record import Explanation, WordWeight

HOSTILE = "[bold red]x[/] :bomb: =cmd \x1b[31m \u202etxt.exe \x07"


def printed(lines: object) -> str:
    sink = io.StringIO()
    console = Console(file=sink, width=300, emoji=False, force_terminal=False, color_system=None, _environ={})
    for line in lines:  # type: ignore[attr-defined]
        console.print(line)
    return sink.getvalue()


def test_hostile_texts_labels_and_reasons_are_inert() -> None:
    words = (WordWeight(0, 5, 0.5),)
    flip = Flip("row", HOSTILE, HOSTILE, HOSTILE, HOSTILE, 0.5, Explanation(HOSTILE, HOSTILE, 0.5, words, (), 0, 0))
    verdict = Verdict(
        Outcome.REJECT,
        (HOSTILE,),
        (HOSTILE,),
        (HOSTILE,),
        HOSTILE,
        HOSTILE,
        HOSTILE,
        "accuracy",
        None,
        (),
        (),
        (),
        None,
    )
    confusions = (ConfusionChange(HOSTILE, HOSTILE, 0, 3),)

    said = printed(
        [
            *verdict_lines(verdict),
            *flip_lines("flips", [flip], 1, HOSTILE, HOSTILE),
            *change_lines(confusions, Forgetting(4, 1, Interval(0.0, 0.7), ()), HOSTILE, HOSTILE),
        ]
    )

    assert not {"\x1b", "\u202e", "\x07"} & set(said)
    assert said.count("[bold red]x[/] :bomb: =cmd") >= 10  # shown as it is, and not obeyed
    assert "gets 1 wrong: 25.0%" in said


def test_long_lists_are_cut_and_say_so() -> None:
    flips = [Flip(f"row-{n}", f"text {n}", "a", "a", "b", 0.5) for n in range(12)]

    said = printed(flip_lines("right before, wrong now", flips, 40, "old", "new"))

    assert "right before, wrong now: 40, the surest 10" in said
    assert "text 9" in said
    assert "text 10" not in said
    assert "carried by" not in said  # nothing was explained
