"""What comes back through the door to Great Expectations."""

import os
import subprocess
import sys

import pytest

from fsl.data.checking.rules import Check, Rule
from fsl.data.checking.validation import Validator, merge
from fsl.data.errors import RuleBroken

PRESENT = Rule("present", "There is one", "value", Check.PRESENT)
SHORT = Rule("short", "It is short", "value", Check.LENGTH, minimum=1, maximum=3)
CLEAN = Rule("clean", "It holds no x", "value", Check.NO_MATCH, pattern="x")
FAULT = Rule("fault", "Nothing is wrong", "fault", Check.ABSENT, severity="warning")
KIND = Rule("kind", "It is of a kind", "kind", Check.ONE_OF, values=("a", "b"))
NUMBER = Rule("number", "It is small", "number", Check.WITHIN, maximum=2)


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator.open()


def test_each_rule_names_the_lines_that_break_it_and_passes_over_missing_values(validator: Validator) -> None:
    table: dict[str, list[object]] = {
        "line": [11, 12, 13, 14],
        "value": ["a", None, "long", "x"],
        "fault": [None, None, None, "bad"],
        "kind": ["a", "c", None, "b"],
        "number": [1, 2, 3, 0],
    }

    results = validator.check(table, [PRESENT, SHORT, CLEAN, FAULT, KIND, NUMBER])

    assert {result.rule.code: result.lines for result in results} == {
        "present": (12,),
        "short": (13,),
        "clean": (14,),
        "fault": (14,),
        "kind": (12,),
        "number": (13,),
    }
    assert not any(result.holds for result in results)
    assert {result.n_checked for result in results} == {4}


def test_the_answer_is_great_expectations_own(validator: Validator) -> None:
    (result,) = validator.check({"line": [1, 2], "value": ["a", None]}, [PRESENT])

    assert result.expectation == "expect_column_values_to_not_be_null"
    assert result.raw["success"] is False
    assert result.raw["result"]["unexpected_count"] == 1  # type: ignore[index, call-overload]


def test_every_rule_holds_in_an_empty_table(validator: Validator) -> None:
    assert all(result.holds for result in validator.check({"line": [], "value": []}, [PRESENT, SHORT, CLEAN]))


def test_a_rule_that_cannot_be_evaluated_is_an_error_and_not_a_refusal(validator: Validator) -> None:
    with pytest.raises(RuleBroken, match=r"'fault' could not be evaluated.*does not exist"):
        validator.check({"line": [1], "value": ["a"]}, [FAULT])


def test_merged_results_add_up(validator: Validator) -> None:
    one = validator.check({"line": [1, 2], "value": ["a", None]}, [PRESENT, CLEAN])
    two = validator.check({"line": [3], "value": ["x"]}, [PRESENT, CLEAN])

    present, clean = merge([*one, *two])

    assert (present.n_checked, present.n_failed, present.holds) == (3, 1, False)
    assert (clean.n_checked, clean.n_failed, clean.holds) == (3, 1, False)


def test_no_host_is_looked_up_or_called_and_nothing_slow_is_imported_before_it_is_needed() -> None:
    program = """
import os, socket, sys
def refuse(*args, **kwargs): raise SystemExit(f"called {args}")
socket.socket.connect = socket.getaddrinfo = refuse
import fsl.data.intake, fsl.data.snapshots, fsl.data.quarantine
slow = {"great_expectations", "pandas", "pyarrow", "boto3"} & sys.modules.keys()
assert not slow, slow
from fsl.data.checking.rules import RELATION_RULES
from fsl.data.checking.validation import Validator
row = {rule.column: ["x" if rule.code == "contradiction" else None] for rule in RELATION_RULES} | {"line": [1]}
assert [r.rule.code for r in Validator.open().check(row, RELATION_RULES) if not r.holds] == ["contradiction"]
assert os.environ["GX_ANALYTICS_ENABLED"] == "false"
"""
    env = {name: value for name, value in os.environ.items() if name != "GX_ANALYTICS_ENABLED"}

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
