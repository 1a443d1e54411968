"""How the command line speaks: tables for people, one JSON object for programs, one sentence for errors.

Every text that comes from data, models or other people is shown inert: no markup, no escape codes.
"""

import json
import signal
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from fsl.errors import FslError

AS_JSON = typer.Option("--json", help="Print one JSON object instead of text.")
_STOPPED = 130  # the exit status of Ctrl-C


@dataclass(frozen=True)
class Reply:
    """What a command has to say."""

    facts: object  # everything, for programs; made of what JSON can say
    shown: Sequence[RenderableType] = ()  # for people
    next_commands: Sequence[str] = field(default_factory=tuple)


class App(typer.Typer):
    """A Typer application whose errors end in one sentence and exit status 1."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # A polite kill unwinds like Ctrl-C, so that whatever was started is stopped again.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return super().__call__(*args, **kwargs)
        except FslError as error:
            show_error(error, as_json="--json" in sys.argv)
            sys.exit(1)
        except SystemExit as ended:
            if ended.code == _STOPPED:  # Typer ends so on Ctrl-C, without a word
                _print_error("stopped; whatever was finished is kept, and nothing half-done is visible")
            raise


def show(reply: Reply, *, as_json: bool) -> None:
    """Print a reply."""
    if as_json:
        sys.stdout.write(_as_json(reply.facts))
        return
    console = Console(emoji=False)  # ":bomb:" in a text is a text
    for part in reply.shown:
        to_copy = isinstance(part, Text) and bool(part.no_wrap)  # whole, however wide the terminal is
        console.print(part, soft_wrap=to_copy)
    if reply.next_commands:
        console.print("\n[dim]next:[/dim]")
        for command in reply.next_commands:
            console.print(Text(f"  {command}"), soft_wrap=True)  # so that it can be copied whole


def show_error(error: FslError, *, as_json: bool) -> None:
    """Print an error: to stdout as JSON for programs, to stderr for people."""
    if as_json:
        facts: object = {"error": type(error).__name__, "message": str(error), "retryable": error.retryable}
        sys.stdout.write(_as_json(facts))
    else:
        _print_error(f"[bold red]error:[/bold red] {line(str(error))}")


def table(columns: Iterable[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> Table:
    """Return a table of inert cells; columns that begin with `#` are numbers, aligned right."""
    made = Table(
        title=line(title) if title else None, title_justify="left", header_style="bold", box=None, pad_edge=False
    )
    for column in columns:
        justify = "right" if column.startswith("#") else "left"
        made.add_column(line(column.removeprefix("#")), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        made.add_row(*(Text(inert(str(cell))) for cell in row))
    return made


def line(text: str) -> str:
    """Return one line of a reply, inert."""
    return escape(inert(text, lines=True))


def inert(text: str, *, lines: bool = False) -> str:
    """Return a text without anything that a terminal would obey."""
    return "".join(char if lines and char == "\n" else _inert_char(char) for char in text)


def _inert_char(char: str) -> str:
    if char.isprintable():
        return char
    # Spaces of all kinds are harmless, but a tab or an ideographic space has no fixed width in a table.
    return " " if char == "\t" or unicodedata.category(char) == "Zs" else "\N{REPLACEMENT CHARACTER}"


def _as_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    # JSON leaves some codes as they are that a terminal obeys, or that no UTF-8 can hold.
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text) + "\n"


def _print_error(words: str) -> None:
    Console(stderr=True, emoji=False).print(words, highlight=False, soft_wrap=True)
