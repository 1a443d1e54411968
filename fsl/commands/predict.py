"""`fsl predict`: ask the champion, or any version, about texts."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from fsl import console
from fsl.console import Reply, inert, show, table
from fsl.data.reading.files import open_rows
from fsl.data.reading.raw_rows import Line, RawRow
from fsl.errors import FslError
from fsl.project import Project
from fsl.promotion.promote import load_predictor
from fsl.serving.bulk import (
    Answered,
    Asked,
    Source,
    answer_file,
    digest_of,
    format_of_output,
    to_json_line,
    to_json_value,
)
from fsl.serving.prediction_log import log_predictions
from fsl.serving.predictor import Prediction, Predictor
from fsl.serving.replay import NothingServes
from fsl.store.aliases import CHAMPION, current_move
from fsl.workspace import find_workspace

_CHUNK = 256


@dataclass(eq=False)
class NoSuchTextFile(FslError):
    """A file to ask about is not there."""

    path: str

    def __str__(self) -> str:
        return f"there is no file {self.path}, so nothing was asked. Check the path."


@dataclass(frozen=True)
class _Asker:
    """A loaded version, and whether what it says is logged."""

    project: Project
    version: str
    predictor: Predictor
    log: bool

    def ask(self, texts: Sequence[str], when: datetime) -> list[Prediction]:
        predictions = self.predictor.predict(texts)
        if self.log:
            encoder, times = self.predictor.facts.encoder, [when] * len(texts)
            log_predictions(self.project.store, texts, times, predictions, version=self.version, encoder=encoder)
        return predictions

    def ask_lines(self, lines: Sequence[Asked], when: datetime) -> list[Answered]:
        """Answer the lines that are texts; the others get an error in their place, and spoil no other."""
        found = iter(self.ask([line.text for line in lines if line.text is not None], when))
        return [
            _answered(line, next(found)) if line.text is not None else Answered(line.line, None, error=line.error)
            for line in lines
        ]


def _answered(line: Asked, found: Prediction) -> Answered:
    best, why = found.answer, found.abstained
    guess = best.target if why else None
    chances = best.probabilities or None
    return Answered(line.line, line.text, found.given, best.confidence, best.margin, why, guess, chances)


def predict(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to ask about.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file of texts: .jsonl, .csv, .parquet, .gz of these.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the answers to a file go: .jsonl or .parquet.")] = None,
    version: Annotated[str | None, typer.Option(help="A version; the champion by default.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Keep texts and answers in the prediction log.")] = False,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Ask a model about texts, given as arguments or in a file."""
    if bool(texts) == bool(file):
        raise typer.BadParameter("give texts, or --file with a file of them")
    if file is not None and not file.is_file():
        raise NoSuchTextFile(str(file))
    if out is not None:
        format_of_output(out)
    with _open_asker(version, log, tuned=file is not None) as asker:
        if file is not None:
            _ask_file(asker, file, out)
            return
        found = asker.ask(texts or [], datetime.now(UTC))
    lines = [Asked(row, text) for row, text in enumerate(texts or [], start=1)]
    answers = [_answered(line, one) for line, one in zip(lines, found, strict=True)]
    rows = [(one.text, _in_words(one), f"{one.confidence:.2f}") for one in answers]
    values = [to_json_value(one) for one in answers]
    show(Reply(values, [table(["text", "answer", "#confidence"], rows)]), as_json=as_json)


def _in_words(one: Answered) -> str:
    """Return the answer, or why there is none and what it would have been; labels of a set with a probability each."""
    if one.abstained is None and one.probabilities and isinstance(one.answer, list):
        return ", ".join(f"{label} {one.probabilities[str(label)]:.2f}" for label in one.answer) or "nothing"
    if one.abstained is None:
        return json.dumps(one.answer, ensure_ascii=False)
    return f"none: {one.abstained} (at best {json.dumps(one.guess, ensure_ascii=False)})"


@contextmanager
def _open_asker(version: str | None, log: bool, *, tuned: bool) -> Iterator[_Asker]:
    with find_workspace(Path.cwd()).open() as project:
        manifest = None
        if version is None:
            move = current_move(project.registry, CHAMPION)
            if move is None:
                raise NothingServes(project.name)
            version, manifest = move.version, move.manifest
        yield _Asker(project, version, load_predictor(project, version, manifest, tuned=tuned), log)


def _ask_file(asker: _Asker, file: Path, out: Path | None) -> None:
    """Stream a file through in order: to a file that appears when it is whole, or to the terminal."""
    data, now = asker.project.config.data, datetime.now(UTC)
    with open_rows(file, name=file.name, config=data, columns=(data.text_column,)) as reading:
        lines = (_asked(line, data.text_column) for line in reading.lines)
        if out is None:
            while chunk := list(islice(lines, _CHUNK)):
                for one in asker.ask_lines(chunk, now):
                    sys.stdout.write(f"{to_json_line(one)}\n")
            return
        with _progress_bar(out.name) as progress:
            source = Source(digest_of(file), asker.version)
            answer_file(lines, asker.ask_lines, out, source, now=now, progress=progress)


def _asked(line: Line, column: str) -> Asked:
    if not isinstance(line, RawRow):
        return Asked(line.line, None, line.reason)
    text = line.values.get(column)
    return Asked(line.line, text) if isinstance(text, str) else Asked(line.line, None, "no text in it")


@contextmanager
def _progress_bar(name: str) -> Iterator[Callable[[int], None]]:
    """Show how many lines are done and how fast it goes, where a person looks on."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    screen = Console(stderr=True)
    if not screen.is_terminal:
        yield lambda n_rows: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,.0f} lines"))
    with Progress(*columns, TimeElapsedColumn(), console=screen) as bar:
        task = bar.add_task(inert(name), total=None)
        yield lambda n_rows: bar.update(task, completed=n_rows)
