"""The one door to `datasets`: a data set of the Hugging Face hub by its name, as a file that can be dropped.

No code of a data set is run: `datasets` 4 and later read data files alone, and older releases are refused. Rows are
streamed, so a large set needs no room beyond `data.max_file_mb`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsl.config import DataConfig
from fsl.data.errors import FileTooLarge, HubFault
from fsl.data.reading.raw_rows import to_json
from fsl.errors import MissingPackage

PREFIX = "hf:"
MIN_MAJOR = 4  # from here on, `datasets` cannot run a data set's own script
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_SPLIT = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True, slots=True)
class HubSource:
    """A data set and its split."""

    name: str
    split: str

    @property
    def file_name(self) -> str:
        return f"{self.name.replace('/', '--')}-{self.split}.jsonl"


def read_spec(spec: str) -> HubSource:
    """Read `hf:NAME` or `hf:NAME:split`; the split is train by default. Raises HubFault."""
    name, _, split = spec.removeprefix(PREFIX).partition(":")
    source = HubSource(name, split or "train")
    if not _NAME.fullmatch(source.name) or not _SPLIT.fullmatch(source.split):
        raise HubFault(spec, "that is no name of a data set; write hf:NAME or hf:NAME:split, such as hf:org/set:train")
    return source


def fetch_dataset(source: HubSource, folder: Path, config: DataConfig) -> Path:
    """Write the rows of a data set into a file of JSON Lines. Raises HubFault, FileTooLarge, MissingPackage."""
    try:
        import datasets
    except ImportError as error:
        raise MissingPackage("datasets", f"reading {PREFIX}{source.name}", "hub") from error
    if int(datasets.__version__.split(".")[0]) < MIN_MAJOR:
        raise MissingPackage(f"datasets>={MIN_MAJOR}", f"reading {PREFIX}{source.name} without running its code", "hub")
    path = folder / source.file_name
    try:
        rows = datasets.load_dataset(source.name, split=source.split, streaming=True)
        _write(rows, path, config.max_file_mb)
    # What the hub's client raises depends on its release and on its own dependencies.
    except FileTooLarge:
        raise
    except Exception as error:
        raise HubFault(f"{PREFIX}{source.name}:{source.split}", _first_line(error)) from error
    return path


def _write(rows: Any, path: Path, max_mb: int) -> None:
    names = {name: kind.names for name, kind in (rows.features or {}).items() if hasattr(kind, "int2str")}
    n_left = max_mb * 1_000_000
    with path.open("wb") as file:
        for row in rows:
            line = f"{to_json(_named(row, names))}\n".encode()
            n_left -= len(line)
            if n_left < 0:
                raise FileTooLarge(path.name, max_mb)
            file.write(line)


def _named(row: Mapping[str, Any], names: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return a row with its class numbers as the names that the data set gives them; -1 stands for none."""
    return {
        column: (names[column][value] if 0 <= value < len(names[column]) else None)
        if column in names and isinstance(value, int)
        else value
        for column, value in row.items()
    }


def _first_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300].rstrip(".")
