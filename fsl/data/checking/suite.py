"""The project's own suite: expectations in Great Expectations' JSON, brought into our rules and held to row by row.

Nothing of the file is handed on as it is: each expectation is one of the types below, with the arguments named here,
and becomes a rule of ours. So a suite can name no code, no address and no other table. A regular expression can
still be slow; the suite is the project's own file, and its length is bounded.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fsl.data.checking.rows import Row
from fsl.data.checking.rules import Check, RowRule, Rule
from fsl.data.errors import SuiteFault
from fsl.data.reading.raw_rows import to_json

MAX_BYTES = 1_000_000
MAX_EXPECTATIONS = 200
MAX_REGEX_CHARS = 300
SHOWN_CHARS = 100
_LIMITS = ("min_value", "max_value")

TYPES: Mapping[str, tuple[Check, tuple[str, ...], str]] = {
    "expect_column_values_to_not_be_null": (Check.PRESENT, (), "is there"),
    "expect_column_values_to_be_null": (Check.ABSENT, (), "is empty"),
    "expect_column_values_to_be_in_set": (Check.ONE_OF, ("value_set",), "is one of {value_set}"),
    "expect_column_values_to_not_be_in_set": (Check.NONE_OF, ("value_set",), "is none of {value_set}"),
    "expect_column_value_lengths_to_be_between": (Check.LENGTH, _LIMITS, "has {min_value} to {max_value} characters"),
    "expect_column_values_to_be_between": (Check.WITHIN, _LIMITS, "is from {min_value} to {max_value}"),
    "expect_column_values_to_match_regex": (Check.MATCH, ("regex",), "matches {regex}"),
    "expect_column_values_to_not_match_regex": (Check.NO_MATCH, ("regex",), "does not match {regex}"),
}


@dataclass(frozen=True)
class SuiteRule:
    """One expectation of the project's own, with the column of the file that it looks at."""

    looks_at: str
    rule: RowRule

    def cell(self, row: Row) -> object:
        """Return the value that is checked: a number, or a text; None where there is none."""
        value = (row.extras or {}).get(self.looks_at)
        if value is None:
            return None
        if self.rule.rule.check is not Check.WITHIN:
            return _as_text(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        # What is no number lies outside of any limits.
        return float("-inf") if self.rule.rule.minimum is not None else float("inf")


def parse_suite(data: bytes, *, where: str) -> tuple[SuiteRule, ...]:
    """Read a suite. Raises SuiteFault, which names the expectation and what is wrong with it."""
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"it holds more than {MAX_BYTES:,} bytes")
        found = json.loads(data)
        entries = found["expectations"] if isinstance(found, dict) else None
        if not isinstance(entries, list):
            raise ValueError('it has no list "expectations"')
        if len(entries) > MAX_EXPECTATIONS:
            raise ValueError(f"it has {len(entries)} expectations, more than {MAX_EXPECTATIONS}")
    except (ValueError, KeyError, RecursionError) as error:
        raise SuiteFault(where, " ".join(str(error).split())[:200]) from error
    return tuple(_read(entry, number, where) for number, entry in enumerate(entries, start=1))


def _read(entry: Any, number: int, where: str) -> SuiteRule:
    try:
        return _build(entry, number)
    except (ValueError, TypeError, OverflowError) as error:
        raise SuiteFault(where, f"expectation {number}: {error}") from error


def _build(entry: Any, number: int) -> SuiteRule:
    if not isinstance(entry, dict) or not isinstance(entry.get("kwargs"), dict):
        raise ValueError('it is no object with "type" and "kwargs"')
    kind, kwargs = str(entry.get("type") or entry.get("expectation_type"))[:100], dict(entry["kwargs"])
    if kind not in TYPES:
        raise ValueError(f"{kind!r} is not known here. There are: {', '.join(TYPES)}")
    check, arguments, words = TYPES[kind]
    column = kwargs.pop("column", None)
    severity = kwargs.pop("severity", None) or entry.get("severity") or "critical"
    if not isinstance(column, str) or not column:
        raise ValueError('"column" is no name')
    if severity not in ("critical", "warning"):
        raise ValueError('"severity" is neither critical (the row is refused) nor warning (it is noted)')
    if "mostly" in kwargs:
        raise ValueError('"mostly" would make a row\'s fate hang on the others; use "severity": "warning"')
    if unknown := sorted(set(kwargs) - set(arguments)):
        raise ValueError(f"{kind} has no argument {unknown[0]!r} here")
    minimum, maximum = (_number(kwargs.get(name), name) for name in _LIMITS)
    if check in (Check.LENGTH, Check.WITHIN) and minimum is None and maximum is None:
        raise ValueError('it needs "min_value" or "max_value"')
    shown = {name: _shown(kwargs.get(name)) for name in arguments}
    title = f"{column!r} {words.format(**shown)} (own suite)"
    rule = Rule(
        code=f"suite_{number}",
        title=title,
        column=f"suite_{number}",
        check=check,
        minimum=minimum,
        maximum=maximum,
        pattern=_pattern(kwargs) if "regex" in arguments else None,
        values=_values(kwargs) if "value_set" in arguments else (),
        severity="warning" if severity == "warning" else "critical",
        fault=f"Against the own suite: {title}",
    )
    return SuiteRule(column, RowRule(rule, lambda row: _words(title, (row.extras or {}).get(column))))


def _words(title: str, value: object) -> str:
    found = "there is no value" if value is None else f"the value is {_as_text(value)[:SHOWN_CHARS]!r}"
    return f"it should be that {title}, but {found}"


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else to_json(value)


def _number(value: object, name: str) -> float | None:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return None if value is None else float(value)
    raise ValueError(f"{name!r} is no number")


def _values(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    found = kwargs.get("value_set")
    if not isinstance(found, list) or not found or any(isinstance(value, dict | list) for value in found):
        raise ValueError('"value_set" is no list of values')
    return tuple(_as_text(value) for value in found)


def _pattern(kwargs: Mapping[str, Any]) -> str:
    regex = kwargs.get("regex")
    if not isinstance(regex, str) or len(regex) > MAX_REGEX_CHARS:
        raise ValueError(f'"regex" is no text of at most {MAX_REGEX_CHARS} characters')
    try:
        re.compile(regex)
    except (re.error, RecursionError) as error:
        raise ValueError(f'"regex" is none ({error})') from error
    return regex


def _shown(value: object) -> str:
    text = "any" if value is None else ", ".join(map(repr, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
