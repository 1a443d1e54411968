"""`fsl predict`: ask the champion, or any version, about texts."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from fsl import console
from fsl.console import Reply, show, table
from fsl.data.reading.files import open_rows
from fsl.data.reading.raw_rows import RawRow, to_json
from fsl.errors import FslError
from fsl.project import Project
from fsl.promotion.promote import CHAMPION, load_predictor
from fsl.serving.prediction_log import log_predictions
from fsl.serving.predictor import Predictor
from fsl.serving.replay import NothingServes
from fsl.store.aliases import current_move
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

    def ask(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        predictions = self.predictor.predict(texts)
        if self.log:
            now = [datetime.now(UTC)] * len(texts)
            encoder = self.predictor.facts.encoder
            log_predictions(self.project.store, texts, now, predictions, version=self.version, encoder=encoder)
        return [
            {"text": text, "answer": one.answer.target, "confidence": round(one.answer.confidence, 4)}
            for text, one in zip(texts, predictions, strict=True)
        ]


def predict(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to ask about.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file of texts: .jsonl, .csv, .parquet, .gz of these.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the answers to a file go, as JSON Lines.")] = None,
    version: Annotated[str | None, typer.Option(help="A version; the champion by default.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Keep texts and answers in the prediction log.")] = False,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Ask a model about texts, given as arguments or in a file."""
    if bool(texts) == bool(file):
        raise typer.BadParameter("give texts, or --file with a file of them")
    if file is not None and not file.is_file():
        raise NoSuchTextFile(str(file))
    with _open_asker(version, log) as asker:
        if file is not None:
            with _open_sink(out) as sink:
                _ask_file(asker, file, sink)
            return
        answers = asker.ask(texts or [])
    rows = [(one["text"], json.dumps(one["answer"], ensure_ascii=False), f"{one['confidence']:.2f}") for one in answers]
    show(Reply(answers, [table(["text", "answer", "#confidence"], rows)]), as_json=as_json)


@contextmanager
def _open_asker(version: str | None, log: bool) -> Iterator[_Asker]:
    with find_workspace(Path.cwd()).open() as project:
        manifest = None
        if version is None:
            move = current_move(project.registry, CHAMPION)
            if move is None:
                raise NothingServes(project.name)
            version, manifest = move.version, move.manifest
        yield _Asker(project, version, load_predictor(project, version, manifest), log)


@contextmanager
def _open_sink(out: Path | None) -> Iterator[IO[str]]:
    """Write to a file that appears when it is whole, or to the terminal."""
    if out is None:
        yield sys.stdout
        return
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("w", encoding="utf-8") as sink:
            yield sink
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _ask_file(asker: _Asker, file: Path, sink: IO[str]) -> None:
    """Stream a file through in order. A line that is no text gets an error in its place, and spoils no other."""
    data = asker.project.config.data
    with open_rows(file, name=file.name, config=data, columns=(data.text_column,)) as reading:
        for lines in _chunks(reading.lines):
            found = [line.values.get(data.text_column) if isinstance(line, RawRow) else None for line in lines]
            answers = iter(asker.ask([text for text in found if isinstance(text, str)]))
            for line, text in zip(lines, found, strict=True):
                why = "no text in it" if isinstance(line, RawRow) else line.reason
                one = next(answers) if isinstance(text, str) else {"line": line.line, "error": why}
                sink.write(to_json(one) + "\n")


def _chunks(lines: Iterable[Any]) -> Iterator[Sequence[Any]]:
    chunk: list[Any] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
