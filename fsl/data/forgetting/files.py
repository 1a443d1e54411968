"""Rows to be forgotten in what came from outside: files of the inbox, and the log of what was served.

What is left of a file goes under a new name. Of the inbox that is JSON Lines, whatever the file was, so that nothing
of the old bytes can hide in a format's corners; it claims the batch that the file became.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath

from fsl.data.checking.rows import columns_of, row_id_of
from fsl.data.errors import FileTooLarge, UnknownFormat, UnreadableFile
from fsl.data.forgetting.findings import Finding, Place, Search, digest_of
from fsl.data.forgetting.tables import write_table
from fsl.data.reading.files import open_rows
from fsl.data.reading.raw_rows import Line, RawRow, UnreadableRow, to_json
from fsl.data.tombstones import INBOX
from fsl.store import layout
from fsl.store.errors import ObjectMissing


def look_at_dropped(search: Search, key: str) -> Iterator[Finding]:
    """Look at a dropped file, taken in or not."""
    yield from _look_at_file(search, key, INBOX, layout.inbox)


def look_at_set_aside(search: Search, key: str) -> Iterator[Finding]:
    """Look at a file that was refused whole. One that cannot be read cannot be searched, and is named."""
    yield from _look_at_file(search, key, "set aside", lambda name, digest: layout.set_aside(digest, name))


def _look_at_file(search: Search, key: str, place: str, place_of: Callable[[str, str], str]) -> Iterator[Finding]:
    if key.endswith("/"):
        return
    with tempfile.TemporaryDirectory(prefix="fsl-forget-") as folder:
        path = Path(folder) / "source"
        name = key.removeprefix(layout.INBOX) if place == INBOX else key.rpartition("/")[2]
        try:
            search.store.download(key, path)
            content, n_rows = _rest_of(path, name, search)
        except ObjectMissing:
            return
        except (UnknownFormat, UnreadableFile, FileTooLarge) as error:
            search.unread.append(f"{key} cannot be searched: {error}")
            return
        if n_rows:
            digest = digest_of(path.read_bytes())
            becomes = place_of(_rest_name(name), sha256(content).hexdigest()) if content else None
            yield Finding(place, key, digest, n_rows, becomes, content or None)


def look_at_served(search: Search, key: str) -> Iterator[Finding]:
    """Look at a file of the log. Its rest goes under a new name, so that no snapshot takes it for the whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = search.store.find(key)
    if data is None or not key.endswith(".parquet"):
        return
    try:
        table = pq.ParquetFile(io.BytesIO(data)).read()
        texts = table["text"].to_pylist()
    except (pa.ArrowException, KeyError, OSError) as error:
        search.unread.append(f"{key} cannot be read ({' '.join(str(error).split())[:80]})")
        return
    meant = [isinstance(text, str) and search.marks.has_text(text) for text in texts]
    if any(meant):
        search.learn({row_id_of(key, index) for index, is_meant in enumerate(meant, start=1) if is_meant})
        kept = table.filter(pa.array([not is_meant for is_meant in meant]))
        content = write_table(kept) if kept.num_rows else None
        becomes = f"{key.rpartition('/')[0]}/{digest_of(content)[:16]}.parquet" if content else None
        yield Finding("predictions", key, digest_of(data), sum(meant), becomes, content)


DROPPED = Place(INBOX, layout.INBOX, look_at_dropped)
SET_ASIDE = Place("set aside", layout.SET_ASIDE_FILES, look_at_set_aside)
SERVED = Place("predictions", layout.PREDICTIONS, look_at_served)


def _rest_of(path: Path, name: str, search: Search) -> tuple[bytes, int]:
    """Return a file's other lines as JSON Lines, and how many had to go."""
    columns = columns_of(search.config, search.problem)
    sink, n_meant = io.BytesIO(), 0
    with open_rows(path, name=name, config=search.config.data, columns=columns.names) as reading:
        for line in reading.lines:
            if _is_line_meant(line, search):
                n_meant += 1
            else:
                written = to_json(line.values) if isinstance(line, RawRow) else " ".join(line.raw.split())
                sink.write(f"{written}\n".encode("utf-8", "backslashreplace"))
    return sink.getvalue(), n_meant


def _rest_name(name: str) -> str:
    return f"{PurePosixPath(name.removesuffix('.gz')).stem}.jsonl"


def _is_line_meant(line: Line, search: Search) -> bool:
    """Say whether a line of a file has to go."""
    if isinstance(line, UnreadableRow):
        return search.marks.has_shown(line.raw) or search.marks.stands_in(line.raw)
    return search.marks.has_value(line.values) or search.marks.has_text(to_json(line.values))
