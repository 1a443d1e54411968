"""How rows stand to one another: the same text twice, and the same text with another target.

Only digests are held, so that a million rows fit. Every answer follows from the set of rows alone, never from their
order: of several like rows, the one whose content has the smallest digest is kept, those that judge before others.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from fsl.data.checking.places import Places
from fsl.problems.base import Problem, UnitKind
from fsl.samples import Split

SHOWN_LINES = 5
SHOWN_LABELS = 5
MAX_INTERNED = 10_000  # spans differ from row to row, and keeping those would cost more than it saves


class Entry(NamedTuple):
    """What is remembered of one sound row of the batch at hand."""

    content: bytes  # digest of the row as it was read
    line: int  # numbered through where several files come in together: `places`
    target: bytes  # digest; empty where unlabelled
    labels: tuple[str, ...]
    judges: bool = False  # it may be nothing but a judge row


class Known(NamedTuple):
    """An accepted row of an earlier batch."""

    target: bytes
    labels: tuple[str, ...]
    seq: int
    source: str
    split: str = ""


@dataclass(slots=True)
class Survey:
    """The sound rows of one batch, by what makes them the same. Grows while the file is read."""

    labelled: dict[bytes, list[Entry]] = field(default_factory=dict)
    unlabelled: dict[bytes, list[Entry]] = field(default_factory=dict)

    def add(self, key: bytes, entry: Entry) -> None:
        (self.labelled if entry.target else self.unlabelled).setdefault(key, []).append(entry)


@dataclass(frozen=True)
class Relations:
    """What rows have against them because of others, in words by line; and the labelled rows that are left."""

    contradictions: Mapping[int, str]
    duplicates: Mapping[int, str]
    distinct: tuple[Entry, ...]
    leaks: Mapping[int, str] = field(default_factory=dict)  # rows that would judge, and were trained on
    by_others: frozenset[int] = frozenset()  # rows that only another file of the same batch contradicts


def sameness_of(text: str, group: str, unit: UnitKind) -> bytes:
    """Return what two rows share when they count as the same text.

    For a text as a whole that is its normal form. Spans hold character offsets, so there the very characters count.
    """
    return bytes.fromhex(group) if unit == "text" else digest_of(text)


def digest_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


class Interned:
    """Digests and labels of targets, each kept once however many rows have it."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[bytes, tuple[str, ...]]] = {}

    def of(self, target: str | None, labels: tuple[str, ...]) -> tuple[bytes, tuple[str, ...]]:
        """Return the digest of a target with its labels."""
        if target is None:
            return b"", ()
        found = self._kept.get(target) or (digest_of(target), labels)
        if len(self._kept) < MAX_INTERNED:
            self._kept[target] = found
        return found


def relate(survey: Survey, known: Mapping[bytes, Known], problem: Problem, places: Places | None = None) -> Relations:
    """Compare the rows of a batch with one another and with those accepted before.

    Args:
        places: where the batch is of several files, which row is whose.
    """
    places = places or Places()
    by_others: set[int] = set()
    contradictions: dict[int, str] = {}
    duplicates: dict[int, str] = {}
    leaks: dict[int, str] = {}
    distinct: list[Entry] = []
    for key, entries in survey.labelled.items():
        earlier = known.get(key)
        if len({entry.target for entry in entries}) > 1:
            contradictions.update(_beside_one_another(entries, problem, places))
            by_others |= _contradicted_by_others(entries, places)
        elif earlier is not None and earlier.target != entries[0].target:
            words = f"{_place(earlier)} holds the same text with another target ({_name(earlier.labels)})"
            contradictions.update({entry.line: words for entry in entries})
        elif earlier is not None:
            for entry in entries:
                if entry.judges and earlier.split in (Split.TRAIN, Split.TUNE):
                    words = f"{_place(earlier)} holds the same text as a {earlier.split} row, so it cannot judge"
                    leaks[entry.line] = words
                else:
                    duplicates[entry.line] = f"duplicate of {_place(earlier)}"
        else:
            distinct.append(_keep_one(entries, duplicates, places))
    for entries in survey.unlabelled.values():
        _keep_one(entries, duplicates, places)
    return Relations(contradictions, duplicates, tuple(distinct), leaks, frozenset(by_others))


def _keep_one(entries: list[Entry], duplicates: dict[int, str], places: Places) -> Entry:
    kept = min(entries, key=lambda entry: (not entry.judges, *entry[:2]))
    duplicates.update({entry.line: f"duplicate of {places.say(kept.line)}" for entry in entries if entry is not kept})
    return kept


def _contradicted_by_others(entries: list[Entry], places: Places) -> set[int]:
    """Return the rows of one text whose own file gives it one target alone."""
    if places.is_one:
        return set()
    files = {entry.line: places.of(entry.line).file for entry in entries}
    targets: dict[int, set[bytes]] = {}
    for entry in entries:
        targets.setdefault(files[entry.line], set()).add(entry.target)
    return {line for line, file in files.items() if len(targets[file]) == 1}


def _beside_one_another(entries: list[Entry], problem: Problem, places: Places) -> dict[int, str]:
    """Return what each row stands against. Linear, since a file may hold one text a million times."""
    by_line = sorted(entries, key=lambda entry: entry.line)
    counts = Counter(entry.target for entry in entries)
    others: dict[bytes, str] = {}
    for target, n in counts.items():
        first = list(islice((entry for entry in by_line if entry.target != target), SHOWN_LINES))
        shown = ", ".join(f"{places.say(entry.line)} ({_name(entry.labels)})" for entry in first)
        more = len(entries) - n - len(first)
        others[target] = shown + (f" and {more} more lines" if more else "")
    return {
        entry.line: f"{places.say(entry.line)} ({_name(entry.labels)}) has the same text as "
        f"{others[entry.target]}, with another {problem.target_name}"
        for entry in entries
    }


def _place(known: Known) -> str:
    return f"batch {known.seq} ({known.source})"


def _name(labels: tuple[str, ...]) -> str:
    more = f" and {len(labels) - SHOWN_LABELS} more" if len(labels) > SHOWN_LABELS else ""
    return ", ".join(map(repr, labels[:SHOWN_LABELS])) + more or "no labels"
