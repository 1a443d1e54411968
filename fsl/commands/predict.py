"""`fsl predict`: ask the champion, or any version, about texts."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from fsl import console
from fsl.console import Reply, show, table
from fsl.promotion import CHAMPION, load_predictor
from fsl.serving.predictor import Predictor
from fsl.serving.replay import NothingServes
from fsl.store.aliases import current_move
from fsl.workspace import find_workspace

_CHUNK = 256


def predict(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to ask about.")] = None,
    file: Annotated[Path | None, typer.Option(help="JSON Lines with a text in each row.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the answers to a file go, as JSON Lines.")] = None,
    version: Annotated[str | None, typer.Option(help="A version; the champion by default.")] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Ask a model about texts, given as arguments or in a file."""
    if bool(texts) == bool(file):
        raise typer.BadParameter("give texts, or --file with a file of them")
    with _open_predictor(version) as (predictor, column):
        if file is not None:
            _predict_file(predictor, file, column, out)
            return
        answers = [
            _answer(text, prediction)
            for text, prediction in zip(texts or [], predictor.predict(texts or []), strict=True)
        ]
    rows = [
        (answer["text"], json.dumps(answer["answer"], ensure_ascii=False), f"{answer['confidence']:.2f}")
        for answer in answers
    ]
    show(Reply(answers, [table(["text", "answer", "#confidence"], rows)]), as_json=as_json)


@contextmanager
def _open_predictor(version: str | None) -> Iterator[tuple[Predictor, str]]:
    with find_workspace(Path.cwd()).open() as project:
        if version is None:
            move = current_move(project.store, CHAMPION)
            if move is None:
                raise NothingServes(project.name)
            version = move.version
        yield load_predictor(project, version), project.config.data.text_column


def _predict_file(predictor: Predictor, file: Path, column: str, out: Path | None) -> None:
    """Stream a file through, a few hundred rows at a time."""
    with file.open(encoding="utf-8") as source:
        sink = out.open("w", encoding="utf-8") if out else sys.stdout
        try:
            chunk: list[str] = []
            for text in (json.loads(row)[column] for row in source if row.strip()):
                chunk.append(text)
                if len(chunk) == _CHUNK:
                    _write_answers(predictor, chunk, sink)
                    chunk = []
            _write_answers(predictor, chunk, sink)
        finally:
            if out:
                sink.close()


def _write_answers(predictor: Predictor, texts: list[str], sink: Any) -> None:
    for text, prediction in zip(texts, predictor.predict(texts), strict=True):
        sink.write(json.dumps(_answer(text, prediction), ensure_ascii=False) + "\n")


def _answer(text: str, prediction: Any) -> dict[str, Any]:
    answer = prediction.answer
    return {"text": text, "answer": answer.target, "confidence": round(answer.confidence, 4)}
