"""The one door to Great Expectations: evaluates our rules over a table, and tells its answer in our own types.

It is opened when it is used, since importing Great Expectations takes seconds. Nothing leaves the machine: the
context is ephemeral, analytics are off, and no Data Docs are built (they call outside); the page is ours.
"""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import JsonValue

from fsl.data.checking.rules import Check, Rule
from fsl.data.errors import RuleBroken

INDEX = "line"
_RESULT_FORMAT = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": [INDEX],
    "exclude_unexpected_values": True,  # texts stay out of reports
}


@dataclass(frozen=True)
class RuleResult:
    """What one rule found, in one table or, merged, in several."""

    rule: Rule
    expectation: str  # the type, as Great Expectations calls it
    holds: bool
    n_checked: int
    n_failed: int
    lines: tuple[int, ...] = ()  # of the rows that break it; dropped when results are merged
    raw: Mapping[str, JsonValue] = field(default_factory=dict)  # its own words, of the last table that was not clean


@dataclass(frozen=True)
class Validator:
    """An open door. Cheap to use again, so one serves a whole file."""

    _gx: Any
    _tables: Any

    @classmethod
    def open(cls) -> "Validator":
        # Read once, at its import: without it, every context reports to the vendor.
        os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        # It tells of its temporary folders at info; whoever asks for a validation wants the findings.
        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_or_update_pandas("rows").add_dataframe_asset("rows")
        return cls(gx, asset.add_batch_definition_whole_dataframe("rows"))

    def check(self, table: Mapping[str, Sequence[object]], rules: Iterable[Rule]) -> tuple[RuleResult, ...]:
        """Evaluate the rules over a table with a column `line`; the results come in the rules' order."""
        import pandas as pd

        by_code = {rule.code: rule for rule in rules}
        suite = self._gx.ExpectationSuite(name="rows", expectations=[self._expectation(r) for r in by_code.values()])
        frame = pd.DataFrame({name: pd.Series(list(values), dtype=object) for name, values in table.items()})
        batch = self._tables.get_batch(batch_parameters={"dataframe": frame})
        answer = batch.validate(suite, result_format=_RESULT_FORMAT).to_json_dict()
        found = {raw["expectation_config"]["meta"]["code"]: raw for raw in answer["results"]}
        return tuple(_read_result(rule, found.get(code)) for code, rule in by_code.items())

    def _expectation(self, rule: Rule) -> Any:
        about = {"column": rule.column, "severity": rule.severity, "meta": {"code": rule.code, "title": rule.title}}
        limits = {"min_value": rule.minimum, "max_value": rule.maximum}
        expect = self._gx.expectations
        match rule.check:
            case Check.PRESENT:
                return expect.ExpectColumnValuesToNotBeNull(**about)
            case Check.ABSENT:
                return expect.ExpectColumnValuesToBeNull(**about)
            case Check.ONE_OF:
                return expect.ExpectColumnValuesToBeInSet(**about, value_set=list(rule.values))
            case Check.LENGTH:
                return expect.ExpectColumnValueLengthsToBeBetween(**about, **limits)
            case Check.WITHIN:
                return expect.ExpectColumnValuesToBeBetween(**about, **limits)
            case Check.NONE_OF:
                return expect.ExpectColumnValuesToNotBeInSet(**about, value_set=list(rule.values))
            case Check.MATCH:
                return expect.ExpectColumnValuesToMatchRegex(**about, regex=rule.pattern)
            case Check.NO_MATCH:
                return expect.ExpectColumnValuesToNotMatchRegex(**about, regex=rule.pattern)


def merge(results: Iterable[RuleResult]) -> tuple[RuleResult, ...]:
    """Add up the results of the same rules over several tables; only the counts remain."""
    merged: dict[str, RuleResult] = {}
    for result in results:
        before = merged.get(result.rule.code)
        merged[result.rule.code] = replace(_sum(before, result) if before else result, lines=())
    return tuple(merged.values())


def _sum(one: RuleResult, two: RuleResult) -> RuleResult:
    return replace(
        one,
        holds=one.holds and two.holds,
        n_checked=one.n_checked + two.n_checked,
        n_failed=one.n_failed + two.n_failed,
        raw=one.raw if two.holds else two.raw,
    )


def _read_result(rule: Rule, raw: Any) -> RuleResult:
    if raw is None or "unexpected_count" not in raw["result"]:
        # A broken rule comes back as a failed one with an empty result; taking it for an answer would refuse all rows.
        raise RuleBroken(rule.code, _why(raw["exception_info"]) if raw else "it has no result")
    result = raw["result"]
    return RuleResult(
        rule=rule,
        expectation=str(raw["expectation_config"]["type"]),
        holds=bool(raw["success"]),
        n_checked=int(result["element_count"]),
        n_failed=int(result["unexpected_count"]),
        lines=_lines(result),
        raw=_without_lists(raw),
    )


def _lines(result: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(line) for entry in result.get("unexpected_index_list") or () for line in entry[INDEX])


def _without_lists(raw: Mapping[str, Any]) -> dict[str, JsonValue]:
    short = {name: value for name, value in raw["result"].items() if not isinstance(value, list | dict | str)}
    return {"expectation_config": raw["expectation_config"], "success": raw["success"], "result": short}


def _why(info: Mapping[str, Any]) -> str:
    infos = [info] if "exception_message" in info else list(info.values())
    return "; ".join(str(one.get("exception_message")) for one in infos) or "no reason was given"
