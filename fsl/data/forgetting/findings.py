"""What a search yields: an object that holds rows to be forgotten, and what will stand in its place."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from fsl.config import RunConfig
from fsl.data.forgetting.marks import Marks
from fsl.data.tombstones import Rest
from fsl.problems.base import Problem
from fsl.store.objects import ObjectStore


@dataclass(frozen=True)
class Finding:
    """One object with rows that have to go."""

    place: str
    key: str
    sha256: str
    n_rows: int
    becomes: str | None  # None: nothing is left of it
    content: bytes | None = None  # of what stands in its place
    rest: Rest | None = None  # of a table, which is stored under its own digest before the tombstone


@dataclass
class Search:
    """One search through the whole store. It learns the ids of the rows it finds: all that some places hold."""

    store: ObjectStore
    config: RunConfig
    problem: Problem
    marks: Marks
    row_ids: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)  # sentences on what cannot be searched

    def learn(self, row_ids: set[str]) -> None:
        fresh = row_ids - self.row_ids
        if fresh:
            self.row_ids |= fresh
            self.marks = self.marks.with_rows(fresh)


@dataclass(frozen=True)
class Place:
    """Where rows can lie: objects under a prefix, and how one of them is looked at."""

    name: str
    prefix: str
    look: Callable[[Search, str], Iterable[Finding]]  # the object may be anything, and may be gone

    def search(self, search: Search) -> Iterator[Finding]:
        for info in tuple(search.store.list(self.prefix)):
            yield from self.look(search, info.key)


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
