"""How the command line speaks: tables for people, one JSON object for programs, one sentence for errors.

Every text that comes from data, models or other people is shown inert: no markup, no escape codes.
"""

import json
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from fsl.errors import FslError

AS_JSON = typer.Option("--json", help="Print one JSON object instead of text.")


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
        signal.signal(signal.SIGTERM, _raise_interrupt)
        try:
            return super().__call__(*args, **kwargs)
        except FslError as error:
            show_error(error, as_json="--json" in sys.argv)
            sys.exit(1)
        except KeyboardInterrupt:
            Console(stderr=True).print(
                "stopped; whatever was finished is kept, and the same command goes on from there"
            )
            sys.exit(130)


def _raise_interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def show(reply: Reply, *, as_json: bool) -> None:
    """Print a reply."""
    if as_json:
        sys.stdout.write(json.dumps(reply.facts, ensure_ascii=False, indent=2, default=str) + "\n")
        return
    console = Console()
    for part in reply.shown:
        console.print(part)
    if reply.next_commands:
        console.print("\n[dim]next:[/dim]")
        for command in reply.next_commands:
            console.print(f"  {escape(command)}", highlight=False)


def show_error(error: FslError, *, as_json: bool) -> None:
    """Print an error: to stdout as JSON for programs, to stderr for people."""
    if as_json:
        facts = {"error": type(error).__name__, "message": str(error), "retryable": error.retryable}
        sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
    else:
        Console(stderr=True).print(
            f"[bold red]error:[/bold red] {escape(inert(str(error), lines=True))}", highlight=False
        )


def table(columns: Iterable[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> Table:
    """Return a table of inert cells; columns that begin with `#` are numbers, aligned right."""
    made = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(
            column.removeprefix("#"), justify="right" if column.startswith("#") else "left", overflow="fold"
        )
    for row in rows:
        made.add_row(*(escape(inert(str(cell))) for cell in row))
    return made


def line(text: str) -> str:
    """Return one line of a reply, inert."""
    return escape(inert(text, lines=True))


def inert(text: str, *, lines: bool = False) -> str:
    """Return a text without anything that a terminal would obey."""
    return "".join(
        char if char.isprintable() or (lines and char == "\n") else "\N{REPLACEMENT CHARACTER}" for char in text
    )
