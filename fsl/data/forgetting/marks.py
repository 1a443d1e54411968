"""Which texts and rows are to be forgotten, told by keyed digests: enough to find them, too little to read them.

A text is told by its normal form, so the same words in another case or with other punctuation are the same text.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fsl.data.normalise import group_of
from fsl.data.tombstones import Tombstones, mark_of
from fsl.pages.markup import visible

# Pages and drift decisions show this much of a long text: fsl.evaluation.report.record, fsl.data.checking.page,
# fsl.drift.detectors.describe.
SHOWN_CHARS = (160, 200)
MIN_SEARCHED_CHARS = 8  # a shorter text would be found inside half of all others


@dataclass(frozen=True)
class Marks:
    """What is to be forgotten. The texts themselves are known only while somebody asks."""

    key: bytes
    texts: frozenset[str]
    excerpts: frozenset[str]
    rows: frozenset[str]
    wordings: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of_texts(cls, texts: Iterable[str], key: bytes) -> "Marks":
        wordings = frozenset(texts)
        excerpts = {shown for text in wordings for shown in _excerpts(text)}
        return cls(
            key,
            frozenset(mark_of(group_of(text), key) for text in wordings),
            frozenset(mark_of(group_of(text), key) for text in excerpts),
            frozenset(),
            wordings,
        )

    @classmethod
    def of_tombstones(cls, tombstones: Tombstones, key: bytes) -> "Marks":
        every = tombstones.every
        return cls(
            key,
            frozenset(mark for one in every for mark in one.texts),
            frozenset(mark for one in every for mark in one.excerpts),
            frozenset(mark for one in every for mark in one.rows),
        )

    def __or__(self, other: "Marks") -> "Marks":
        return Marks(
            self.key,
            self.texts | other.texts,
            self.excerpts | other.excerpts,
            self.rows | other.rows,
            self.wordings | other.wordings,
        )

    def with_rows(self, row_ids: Iterable[str]) -> "Marks":
        rows = self.rows | {mark_of(row_id, self.key) for row_id in row_ids}
        return Marks(self.key, self.texts, self.excerpts, rows, self.wordings)

    def with_shown(self, line: str) -> "Marks":
        """Add a line that is no row, as pages show it."""
        excerpts = {mark_of(group_of(shown), self.key) for shown in (*_excerpts(line), line)}
        return Marks(self.key, self.texts, self.excerpts | excerpts, self.rows, self.wordings)

    def has_text(self, text: str) -> bool:
        """Say whether a text is one of those to be forgotten, whatever its case and punctuation."""
        return mark_of(group_of(text), self.key) in self.texts

    def has_value(self, value: object) -> bool:
        """Say whether one of the texts is a value somewhere in a row, in whichever column."""
        match value:
            case str():
                return self.has_text(value)
            case Mapping():
                return any(self.has_value(one) for one in value.values())
            case list() | tuple():
                return any(self.has_value(one) for one in value)
            case _:
                return False

    def has_shown(self, text: str) -> bool:
        """Say whether what a page shows is one of the texts, or the beginning of one."""
        mark = mark_of(group_of(text), self.key)
        return mark in self.texts or mark in self.excerpts

    def has_row(self, row_id: str) -> bool:
        return mark_of(row_id, self.key) in self.rows

    def stands_in(self, raw: str) -> bool:
        """Say whether one of the texts, where they are known, stands inside a line that is no row."""
        return any(form in raw for form in self._forms)

    @cached_property
    def _forms(self) -> frozenset[str]:
        return frozenset(form for text in self.wordings for form in written_forms(text))


def written_forms(text: str) -> tuple[str, ...]:
    """Return how a text may stand in a file: as it is, and as JSON writes it. None for one too short to search for."""
    if len(text) < MIN_SEARCHED_CHARS:
        return ()
    return tuple({text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]})


def _excerpts(text: str) -> set[str]:
    cut = {visible(text[:n]) for n in SHOWN_CHARS if len(text) > n}
    return cut | ({visible(text)} if visible(text) != text else set())
