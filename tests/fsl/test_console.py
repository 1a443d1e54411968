"""How the command line speaks."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from rich.console import Console
from rich.table import Table

from fsl.console import App, Reply, inert, line, show, show_error, table
from fsl.errors import FslError

Captured = pytest.CaptureFixture[str]


@dataclass(eq=False)
class Spilt(FslError):
    """Something that a person can mend."""

    what: str

    def __str__(self) -> str:
        return f"{self.what} was spilt. Wipe it up: fsl wipe --everywhere --and-then-some --until-it-is-dry-at-last"


def printed(part: Table | str, capsys: Captured) -> str:
    """Return what a person is shown."""
    show(Reply(None, [part]), as_json=False)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "text", ["plain", "naïve 退款 🙂", "[red]no colour[/red]", ":bomb: [link=http://x]y[/link]", "a\\b [/] [", "50 %"]
)
def test_a_text_is_shown_as_it_is_and_its_markup_is_not_obeyed(text: str, capsys: Captured) -> None:
    assert printed(line(text), capsys) == f"{text}\n"
    assert printed(table(["text"], [[text]]), capsys).splitlines()[1].strip() == text


@pytest.mark.parametrize(
    "code", ["\x1b[31m", "\x9b31m", "\x07", "\x08", "\r", "\u202e", "\u2028", "\x00", "\ud800", "\x7f"]
)
def test_what_a_terminal_would_obey_is_replaced(code: str, capsys: Captured) -> None:
    shown = printed(table(["text"], [[f"a{code}b"]], title=f"t{code}"), capsys) + printed(line(f"a{code}b"), capsys)

    assert code not in shown
    assert shown.count(f"a\N{REPLACEMENT CHARACTER}{code[1:]}b") == 2


def test_spaces_of_every_kind_stay_spaces() -> None:
    assert inert("a\u3000b\u00a0c\td") == "a b c d"


def test_a_cell_is_one_line_and_a_sentence_may_be_more() -> None:
    assert inert("a\nb") == "a\N{REPLACEMENT CHARACTER}b"
    assert line("a\nb") == "a\nb"


def test_numbers_stand_to_the_right(capsys: Captured) -> None:
    shown = printed(table(["label", "#rows"], [["refund", 7], ["x", 1234]]), capsys)

    assert [row.rstrip() for row in shown.splitlines()] == ["label   rows", "refund     7", "x       1234"]


def test_programs_get_one_json_object_and_nothing_else(capsys: Captured) -> None:
    show(Reply({"text": "退款", "n": 1}, [line("for people")], ["fsl next"]), as_json=True)

    out = capsys.readouterr().out
    assert json.loads(out) == {"text": "退款", "n": 1}
    assert "退款" in out


@pytest.mark.parametrize("text", ["\x1b[31m", "\x9b31m", "\x7f", "\ud800", "\U000e0001", "a\u2028b"])
def test_json_holds_any_text_in_a_form_that_no_terminal_obeys(text: str, capsys: Captured) -> None:
    show(Reply([text]), as_json=True)

    out = capsys.readouterr().out
    assert json.loads(out) == [text]
    assert all(char.isprintable() or char == "\n" for char in out)


def test_commands_to_go_on_with_can_be_copied_whole(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    command = 'fsl predict "where is [my] parcel?" --version v-0123456789ab'

    show(Reply(None, [], [command]), as_json=False)

    assert capsys.readouterr().out == f"\nnext:\n  {command}\n"


def test_an_error_is_one_sentence_on_stderr_that_can_be_copied_whole(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")

    show_error(Spilt("[b]milk\x1b[0m"), as_json=False)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: {inert(str(Spilt('[b]milk' + chr(27) + '[0m')))}\n"


def test_an_error_is_json_on_stdout_for_programs(capsys: Captured) -> None:
    show_error(Spilt("milk"), as_json=True)

    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"error": "Spilt", "message": str(Spilt("milk")), "retryable": False}
    assert captured.err == ""


def run_app(body: Callable[[], None], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """Run an application of one command as the console script does, and return its exit status."""
    app = App()
    app.command()(body)
    monkeypatch.setattr(sys, "argv", ["fsl", *arguments])
    with pytest.raises(SystemExit) as ended:
        app(list(arguments), prog_name="fsl")
    return ended.value.code


def test_an_error_of_a_command_ends_with_status_one(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def spill() -> None:
        raise Spilt("milk")

    assert run_app(spill, monkeypatch) == 1
    assert capsys.readouterr().err.startswith("error: milk was spilt. Wipe it up")


def test_an_error_answers_in_the_form_that_was_asked_for(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def spill(as_json: bool = False) -> None:
        raise Spilt("milk")

    monkeypatch.setattr(sys, "argv", ["fsl", "--json"])
    app = App()
    app.command()(spill)
    with pytest.raises(SystemExit, match="1"):
        app([], prog_name="fsl")

    assert json.loads(capsys.readouterr().out)["error"] == "Spilt"


def test_ctrl_c_says_that_nothing_is_lost(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert run_app(interrupted, monkeypatch) == 130
    assert "whatever was finished is kept" in capsys.readouterr().err


def test_a_command_that_ends_well_ends_with_status_zero_and_no_words(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_app(lambda: None, monkeypatch) == 0
    assert capsys.readouterr() == ("", "")


def test_a_bug_keeps_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy() -> None:
        raise ZeroDivisionError

    app = App()
    app.command()(buggy)
    with pytest.raises(ZeroDivisionError):
        app([], prog_name="fsl")


def test_a_console_of_another_width_folds_cells_and_loses_nothing() -> None:
    console = Console(width=20, emoji=False)
    with console.capture() as capture:
        console.print(table(["text"], [["y" * 50]]))

    assert capture.get().count("y") == 50
