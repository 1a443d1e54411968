"""JSON Lines: one object to a line, in UTF-8. Stricter than Python's reader: no key twice, no NaN, no NUL."""

import codecs
import json
from collections.abc import Iterator
from typing import IO, Any, NoReturn

from fsl.data.errors import UnreadableFile
from fsl.data.reading.bounded import Bounds, PhysicalLine, physical_lines
from fsl.data.reading.raw_rows import Line, RawRow, UnreadableRow, to_excerpt

JSON_NAMES = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


class _Unusable(ValueError):
    """JSON that Python would take and we do not; the message is the reason."""


def read_jsonl(file: IO[bytes], *, name: str, bounds: Bounds) -> Iterator[Line]:
    """Yield a row for each line that is not blank."""
    for line in physical_lines(file, b"\n", bounds.max_line_bytes):
        if line.number == 1:
            line = _without_mark(line, name)
        if line.is_cut:
            reason = f"the line is longer than {bounds.max_line_bytes:,} bytes"
            yield UnreadableRow(line.number, to_excerpt(line.data), reason)
        elif line.data.strip():
            yield _read_line(line)


def _without_mark(line: PhysicalLine[bytes], name: str) -> PhysicalLine[bytes]:
    if line.data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableFile(name, "it is UTF-16, and JSON Lines are UTF-8")
    return PhysicalLine(1, line.data.removeprefix(codecs.BOM_UTF8), line.is_cut)


def _read_line(line: PhysicalLine[bytes]) -> Line:
    try:
        value = json.loads(line.data.decode(), object_pairs_hook=_without_twins, parse_constant=_refuse_constant)
        if not isinstance(value, dict):
            raise _Unusable(f"the line is {JSON_NAMES.get(type(value), 'null')}, but an object {{…}} is needed")
    except UnicodeDecodeError as error:
        reason = f"the line is not UTF-8 at byte {error.start + 1}"
    except _Unusable as error:
        reason = str(error)
    except json.JSONDecodeError as error:
        has_nul = " (it holds a NUL)" if b"\0" in line.data else ""
        reason = f"the line is not JSON: {error.msg} at character {error.pos + 1}{has_nul}"
    except ValueError as error:  # a number of more digits than Python reads
        reason = f"the line is not JSON that can be read: {error}"
    except RecursionError:
        reason = "the line is JSON nested too deep"
    else:
        return RawRow(line.number, value)
    return UnreadableRow(line.number, to_excerpt(line.data), reason)


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise _Unusable(f"the key {twin[:100]!r} stands twice in the line")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _Unusable(f"the line is not JSON: {name} is no JSON number")
