"""What a row says of its own split: drawn from traffic for audit, or declared by the project.

Audit rows judge, always. Whether a row can have the split that it asks for is `kin`'s.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from fsl.samples import Split
from fsl.store import layout

SPLIT_NAMES = MappingProxyType(
    {
        "train": Split.TRAIN,
        "training": Split.TRAIN,
        "tune": Split.TUNE,
        "validation": Split.TUNE,
        "valid": Split.TUNE,
        "val": Split.TUNE,
        "dev": Split.TUNE,
        "judge": Split.JUDGE,
        "test": Split.JUDGE,
    }
)
YES, NO = frozenset({"true", "yes"}), frozenset({"", "false", "no"})


@dataclass(frozen=True, slots=True)
class PlacingColumns:
    """Which columns say what split a row is for."""

    audit: str | None = None
    split: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (self.audit, self.split) if name)


@dataclass(frozen=True, slots=True)
class Placing:
    """What one row asks for."""

    wish: Split | None = None
    inclusion: float | None = None  # with which probability audit drew it
    fault: str | None = None  # in words


def read_placing(values: Mapping[str, Any], columns: PlacingColumns) -> Placing:
    """Return what a row asks for, or what is wrong with how it asks."""
    split = values.get(columns.split) if columns.split else None
    wish = None if split is None else SPLIT_NAMES.get(str(split).strip().casefold())
    if wish is None and split is not None and str(split).strip():
        named = "train, tune (or validation, valid, dev) or judge (or test)"
        return Placing(fault=f"the split {split!r} in the column {columns.split!r} is none of {named}")
    given = values.get(columns.audit) if columns.audit else None
    inclusion = _probability(given)
    if inclusion is None:
        return Placing(wish)
    if not 0.0 < inclusion <= 1.0:
        return Placing(
            fault=f"{given!r} in the column {columns.audit!r} is no probability with which a row can have been drawn "
            "for audit: above 0 and up to 1, or true; leave it empty where the row was not (`data.audit_column`)"
        )
    return Placing(Split.JUDGE, inclusion)


def is_test_file(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a file of the inbox is one of those whose rows judge.

    A pattern fits the name as it was dropped, or what stands behind its last slash.
    """
    dropped = layout.dropped_name(name)
    names = (dropped, dropped.rpartition("/")[2])
    return any(fnmatchcase(one, pattern) for one in names for pattern in patterns)


def _probability(given: object) -> float | None:
    """Return the probability of an audit row, None where the row is none, and NaN where it cannot be read."""
    if isinstance(given, str):
        word = given.strip().casefold()
        if word in YES | NO:
            return 1.0 if word in YES else None
        try:
            return float(word)
        except ValueError:
            return math.nan
    if given is None or given is False:
        return None
    return float(given) if isinstance(given, int | float) else math.nan
