"""What tuning tries: few settings, each around its present value or between ways that are known to differ.

Values are plain numbers and names, keyed by their place below `learning`. How they are drawn is `search`'s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from fsl.config import LearningConfig
from fsl.problems.base import Problem, picks_one

VERSION = 2  # raise it when the settings or their ranges change: trials of another space are not gone on with
_FACTOR = 4.0  # learning rates go from a fourth of the present one to four times it
_SHARPENINGS = (1.0, 1.5, 2.0)
_DIGITS = 2  # of a rate that counts; more would promise what no trial can tell

Value = float | int | str
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Between:
    """A number in a range; real ones are drawn by their logarithm."""

    path: str
    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of several values."""

    path: str
    options: tuple[Value, ...]


Setting = Between | OneOf


def settings_of(config: LearningConfig, problem: Problem) -> tuple[Setting, ...]:
    """Return what is tried for a problem. The present values always lie within."""
    found: list[Setting] = []
    for role, fit in (("teacher", config.teacher), ("student", config.student)):
        if fit.epochs == 0:  # a teacher that stays as it came
            continue
        found += [
            Between(f"{role}.learning_rate", fit.learning_rate / _FACTOR, fit.learning_rate * _FACTOR),
            Between(f"{role}.epochs", max(1, fit.epochs // 2), 2 * fit.epochs, whole=True),
        ]
    if picks_one(problem):  # the others have neither cosines nor pairs of one label
        found += [
            OneOf("teacher.weight_contrastive", _with(config.teacher.weight_contrastive, (0.0, 1.0))),
            OneOf("distillation.head", ("linear", "cosine")),
            OneOf("student.mixup", _with(config.student.mixup, (0.0, 0.4))),
        ]
    found.append(OneOf("student.weight_r_drop", _with(config.student.weight_r_drop, (0.0, 0.5))))
    found.append(OneOf("distillation.sharpening", _with(config.distillation.sharpening, _SHARPENINGS)))
    return tuple(found)


def present_values(config: LearningConfig, settings: tuple[Setting, ...]) -> dict[str, Value]:
    """Return what the config says now."""
    return {one.path: _read(config.model_dump(), one.path) for one in settings}


def with_values(config: LearningConfig, values: Values) -> LearningConfig:
    """Return the config with these settings, checked as one that was read from a file."""
    whole = config.model_dump()
    for path, value in values.items():
        section, _, name = path.partition(".")
        whole[section][name] = value
    return LearningConfig.model_validate(whole)


def rounded(value: Value) -> Value:
    """Return a rate as it is shown, so that what is shown is what was tried."""
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def as_lines(values: Values) -> str:
    """Return settings as the lines of fsl.yaml that set them."""
    tree: dict[str, dict[str, Value]] = {}
    for path, value in values.items():
        section, _, name = path.partition(".")
        tree.setdefault(section, {})[name] = value
    text: str = yaml.safe_dump({"learning": tree}, sort_keys=True, allow_unicode=True)
    return text.rstrip("\n")


def _read(tree: dict[str, Any], path: str) -> Value:
    section, _, name = path.partition(".")
    value: Value = tree[section][name]
    return value


def _with(present: float, options: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(sorted({*options, present}))
