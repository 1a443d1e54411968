"""What is wrong with a config, in words: the line or the variable, the nearest right key, and what is allowed."""

import difflib
import reprlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from fsl.config import RunConfig

Place = tuple[str | int, ...]

_shown = reprlib.Repr()  # a value may be of any size
_shown.maxlevel, _shown.maxstring, _shown.maxother = 2, 80, 80


def describe_faults(
    faults: Iterable[Mapping[str, Any]], lines: Mapping[Place, int], variables: Collection[str]
) -> tuple[str, ...]:
    """Return a sentence for each of pydantic's faults, in the order of the file.

    Args:
        lines: the line of each key.
        variables: names of the environment variables that were heeded, in upper case.
    """
    ordered = sorted(faults, key=lambda fault: _line_of(fault["loc"], lines) or 0)
    return tuple(f"{_source_of(fault['loc'], lines, variables)}{_describe(fault)}" for fault in ordered)


def variable_of(place: Place) -> str:
    """Return the environment variable that sets a key: `FSL_STORE__BUCKET` for `store.bucket`."""
    return f"FSL_{'__'.join(map(str, place))}".upper()


def _line_of(place: Place, lines: Mapping[Place, int]) -> int | None:
    return next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), None)


def _source_of(place: Place, lines: Mapping[Place, int], variables: Collection[str]) -> str:
    for n in range(len(place), 0, -1):
        if variable_of(place[:n]) in variables:  # the environment wins over the file
            return f"{variable_of(place[:n])} in the environment: "
        if place[:n] in lines:
            return f"line {lines[place[:n]]}: "
    return ""


def _describe(fault: Mapping[str, Any]) -> str:
    place: Place = fault["loc"]
    name = ".".join(map(str, place))
    if fault["type"] == "extra_forbidden":
        known = _keys_beside(place)
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"{name}: there is no such key; {hint}"
    if fault["type"] == "missing":
        return f"{name}: this key is needed"
    if fault["type"] == "model_type":
        what = _shown.repr(fault["input"])
        return f"{name}: a section holds keys of its own, and may be left out whole, but it is {what}"
    message = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{name}: {message}, but it is {_shown.repr(fault['input'])}"


def _keys_beside(place: Place) -> list[str]:
    model: type[BaseModel] = RunConfig
    for key in place[:-1]:
        inner = model.model_fields[str(key)].annotation
        assert isinstance(inner, type)
        assert issubclass(inner, BaseModel)
        model = inner
    return list(model.model_fields)
