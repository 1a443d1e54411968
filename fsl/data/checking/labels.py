"""Labels that the project has not seen before: a decision of the config, never a crash, with the nearest known label.

`data.on_unknown_label` says which: refuse the file, quarantine the row, or accept the label as new when it has enough
rows. In a project's first batch every label is new, and accept holds.
"""

import difflib
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from fsl.data.checking.relations import Entry

MIN_LIKENESS = 0.5  # of difflib's ratio: "refnd" and "refund_status" have 0.56
MAX_SUGGESTIONS = 200  # finding a near label is slow, and nobody reads more
MAX_CANDIDATES = 1_000
SHOWN_FAULTS = 5


@dataclass(frozen=True)
class LabelRule:
    """What the config says of unknown labels."""

    on_unknown: Literal["refuse", "quarantine", "accept"]
    min_rows: int


@dataclass(frozen=True)
class LabelDecision:
    """Which labels come in."""

    faults: Mapping[str, str]  # in words, by label that is not let in
    new: tuple[str, ...]  # let in now for the first time
    refuses_file: bool = False

    def fault_of(self, labels: Iterable[str]) -> str | None:
        """Return what a row with these labels has against it, or None."""
        faults = (self.faults[label] for label in labels if label in self.faults)
        return "; ".join(islice(faults, SHOWN_FAULTS)) or None


def decide_labels(distinct: Iterable[Entry], known: frozenset[str], rule: LabelRule) -> LabelDecision:
    """Decide on the labels of the rows that are left once duplicates and contradictions are out."""
    rows = Counter(entry.labels for entry in distinct)
    unknown = {label: n for label, n in _count(rows).items() if label not in known}
    if not known or rule.on_unknown == "accept":
        rare = _find_rare(rows, unknown, rule.min_rows)
        new = tuple(sorted(set(unknown) - rare))
        said = {label: _too_few(label, unknown[label], rule.min_rows) for label in rare}
    else:
        new = ()
        said = {label: f"label {label!r} is not known ({_rows(n)})" for label, n in unknown.items()}
    near = _near_labels({label: unknown[label] for label in said}, known | set(new))
    faults = {label: f"{words}{near.get(label, '')}" for label, words in sorted(said.items())}
    return LabelDecision(faults, new, refuses_file=bool(known and faults and rule.on_unknown == "refuse"))


def _find_rare(rows: Mapping[tuple[str, ...], int], unknown: Mapping[str, int], min_rows: int) -> set[str]:
    """Return the unknown labels with too few rows. A row that falls with one label is missing from its others."""
    left, rows_of = dict(unknown), _rows_of(rows, unknown)
    rare = {label for label, n in unknown.items() if n < min_rows}
    waiting, fallen = sorted(rare), set[tuple[str, ...]]()
    while waiting:
        for labels in rows_of[waiting.pop()]:
            if labels in fallen:
                continue
            fallen.add(labels)
            for label in labels:
                if label in unknown and label not in rare:
                    left[label] -= rows[labels]
                    if left[label] < min_rows:
                        rare.add(label)
                        waiting.append(label)
    return rare


def _rows_of(rows: Iterable[tuple[str, ...]], unknown: Container[str]) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for labels in rows:
        for label in labels:
            if label in unknown:
                found.setdefault(label, []).append(labels)
    return found


def _count(rows: Mapping[tuple[str, ...], int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for labels, n in rows.items():
        for label in labels:
            counts[label] += n
    return counts


def _near_labels(faulty: Mapping[str, int], fine: Iterable[str]) -> dict[str, str]:
    candidates = sorted(fine)[:MAX_CANDIDATES]
    shown = sorted(faulty, key=lambda label: (-faulty[label], label))[:MAX_SUGGESTIONS]
    found = {label: difflib.get_close_matches(label, candidates, n=1, cutoff=MIN_LIKENESS) for label in shown}
    return {label: f"; {label!r} is close to {near[0]!r}" for label, near in found.items() if near}


def _too_few(label: str, n: int, min_rows: int) -> str:
    if n < min_rows:
        return f"label {label!r} has {_rows(n)}, new labels need {min_rows}"
    return f"label {label!r} has fewer than {min_rows} rows, once those with another refused label are out"


def _rows(n: int) -> str:
    return f"{n} row" if n == 1 else f"{n} rows"
