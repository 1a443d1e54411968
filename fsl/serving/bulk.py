"""Answering a file of any size: a part at a time in bounded memory, and on from where it was cut off.

Finished parts lie in a hidden folder beside the output, with a note of what they were made from. The same file, asked
of the same version again, goes on behind them; anything else begins anew. The output appears when it is whole.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from fsl.errors import FslError

log = logging.getLogger(__name__)

ROWS_PER_PART = 4096
_STATE = "state.json"

Progress = Callable[[int], None]


@dataclass(eq=False)
class UnknownOutput(FslError):
    """Answers cannot be written in this format."""

    name: str

    def __str__(self) -> str:
        return f"answers cannot be written to {self.name}: its name must end in .jsonl or .parquet. Nothing was asked."


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of the file: a text, or why there is none."""

    line: int
    text: str | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """What stands in the output for one line."""

    line: int
    text: str | None
    answer: JsonValue = None
    confidence: float | None = None
    margin: float | None = None
    abstained: str | None = None  # why there is no answer: `fsl.serving.abstention`
    guess: JsonValue = None  # what the answer would have been
    probabilities: Mapping[str, float] | None = None  # of every label, where a text may have several
    error: str = ""


@dataclass(frozen=True)
class Source:
    """What the parts are made from. Another file, or another version, has other parts."""

    sha256: str
    version: str
    rows_per_part: int = ROWS_PER_PART
    columns: int = 3  # raised when parts get other columns


Ask = Callable[[Sequence[Asked], datetime], list[Answered]]


def format_of_output(out: Path) -> str:
    """Return jsonl or parquet. Raises UnknownOutput."""
    if out.suffix not in (".jsonl", ".parquet"):
        raise UnknownOutput(out.name)
    return out.suffix[1:]


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def answer_file(
    lines: Iterable[Asked],
    ask: Ask,
    out: Path,
    source: Source,
    *,
    now: datetime,
    progress: Progress = lambda n_rows: None,
) -> int:
    """Write an answer for every line, in order, and return how many there are.

    Args:
        lines: all of them, from the first on; those of finished parts are read over.
        ask: answers a part's lines. It is told when the whole began, so that a part asked again is logged as the same.
        progress: told how many lines are done, after each part.

    Raises:
        UnknownOutput: the output's name says no format.
    """
    kind = format_of_output(out)
    folder = out.with_name(f".{out.name}.parts")
    began, n_parts = _resume(folder, source, kind, now)
    n_done = n_parts * source.rows_per_part
    if n_parts:
        log.info("%s: %d parts are there already; going on behind line %d", out.name, n_parts, n_done)
        progress(n_done)
    rest = islice(iter(lines), n_done, None)
    n_rows = n_done
    for number, part in enumerate(_parts(rest, source.rows_per_part), start=n_parts):
        _write_part(folder / f"{number:08d}.{kind}", ask(part, began))
        n_rows += len(part)
        progress(n_rows)
    _join(folder, kind, out)
    shutil.rmtree(folder)
    return n_rows


def _resume(folder: Path, source: Source, kind: str, now: datetime) -> tuple[datetime, int]:
    """Return when this began, and how many whole parts of it are there; parts of something else are removed."""
    wanted = {**asdict(source), "kind": kind}
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        began = datetime.fromisoformat(state.pop("began"))
        if state == wanted:
            n_parts = 0
            while (folder / f"{n_parts:08d}.{kind}").is_file():
                n_parts += 1
            full = max(0, n_parts - 1) if _is_short(folder, n_parts, kind, source) else n_parts
            return began, full
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        pass  # no parts, or none that can be trusted
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _write_whole(folder / _STATE, json.dumps({**wanted, "began": now.astimezone(UTC).isoformat()}).encode())
    return now, 0


def _is_short(folder: Path, n_parts: int, kind: str, source: Source) -> bool:
    """Return whether the last part holds fewer lines than a part does: it is then asked again, to keep count simply."""
    if not n_parts:
        return False
    path = folder / f"{n_parts - 1:08d}.{kind}"
    if kind == "jsonl":
        with path.open("rb") as file:
            return sum(1 for _ in file) < source.rows_per_part
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows) < source.rows_per_part


def _parts(lines: Iterator[Asked], size: int) -> Iterator[list[Asked]]:
    while part := list(islice(lines, size)):
        yield part


def _write_part(path: Path, answers: Sequence[Answered]) -> None:
    if path.suffix == ".jsonl":
        _write_whole(path, "".join(f"{to_json_line(one)}\n" for one in answers).encode("utf-8", "replace"))
        return
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([_as_row(one) for one in answers], schema=_schema())
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    _write_whole(path, buffer.getvalue())


def to_json_line(one: Answered) -> str:
    """Return a line of the output, or of what is printed."""
    if one.error:
        return json.dumps({"line": one.line, "error": one.error}, ensure_ascii=False)
    return json.dumps(to_json_value(one), ensure_ascii=False)


def to_json_value(one: Answered) -> dict[str, JsonValue]:
    """Return what is said of a text; why it has no answer only where it has none."""
    value: dict[str, JsonValue] = {"text": one.text, "answer": one.answer, "confidence": round(one.confidence or 0, 4)}
    if one.probabilities:
        value["probabilities"] = {label: round(chance, 4) for label, chance in one.probabilities.items()}
    return value if one.abstained is None else {**value, "abstained": one.abstained, "guess": one.guess}


def _as_row(one: Answered) -> dict[str, Any]:
    # Half of a surrogate pair has no bytes in UTF-8; the tokenizer, too, read a "?" there.
    text = one.text.encode("utf-8", "replace").decode("utf-8") if one.text is not None else None
    answer = None if one.error or one.abstained else json.dumps(one.answer, ensure_ascii=False)
    guess = json.dumps(one.guess, ensure_ascii=False) if one.abstained else None
    chances = json.dumps(dict(one.probabilities), ensure_ascii=False) if one.probabilities else None
    told = {"text": text, "answer": answer, "guess": guess, "probabilities": chances, "error": one.error or None}
    return {**asdict(one), **told}


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            ("line", pa.int64()),
            ("text", pa.string()),
            ("answer", pa.string()),  # JSON
            ("confidence", pa.float32()),
            ("margin", pa.float32()),
            ("abstained", pa.string()),
            ("guess", pa.string()),  # JSON
            ("probabilities", pa.string()),  # JSON
            ("error", pa.string()),
        ]
    )


def _join(folder: Path, kind: str, out: Path) -> None:
    paths = sorted(folder.glob(f"*.{kind}"))
    whole = folder / "whole"
    if kind == "jsonl":
        with whole.open("wb") as sink:
            for path in paths:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, sink)
    else:
        import pyarrow.parquet as pq

        with pq.ParquetWriter(whole, _schema(), compression="zstd") as writer:
            for path in paths:
                writer.write_table(pq.read_table(path, schema=_schema()))
    whole.replace(out)


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all, whenever the process is killed."""
    part = path.with_name(f"{path.name}.tmp")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
