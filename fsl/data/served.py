"""Which files of the prediction log the champion's drift reference lies in: its first served rows.

Without them the reference would move along with the traffic, and slow drift would never be seen.
"""

import io
from collections.abc import Iterable

from fsl.project import Project
from fsl.store.aliases import CHAMPION, current_move
from fsl.store.objects import ObjectStore


def find_reference(project: Project, keys: Iterable[str]) -> frozenset[str]:
    """Return the files, of those given, that hold the champion's first `drift.reference_rows` rows."""
    move = current_move(project.registry, CHAMPION)
    needed: set[str] = set()
    n_left = project.config.drift.reference_rows
    for key in sorted(keys) if move else ():
        n_rows = _count(project.store, key, move.version if move else "")
        if n_rows and n_left > 0:
            needed.add(key)
            n_left -= n_rows
    return frozenset(needed)


def _count(store: ObjectStore, key: str, version: str) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        column = pq.ParquetFile(io.BytesIO(store.find(key) or b"")).read(columns=["version"])["version"]
    except (pa.ArrowException, KeyError, OSError):
        return 0
    return sum(value == version for value in column.to_pylist())
