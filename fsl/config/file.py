"""Reading `fsl.yaml`: every fault at once. How a fault is told is `fsl.config.faults`.

A config also comes from the store, where others may have written it, so its text is hostile until it is checked.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from fsl.config import RunConfig
from fsl.config.faults import Place, describe_faults
from fsl.errors import ConfigError

_TRUTH = "tag:yaml.org,2002:bool"
_MAX_ALIASES = 20  # a few lines of aliases to aliases can stand for gigabytes
# PyYAML lets errors of Python's own out: a thirteenth month, an empty !!int, a thousand brackets.
_NOT_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError)


class _Loader(yaml.SafeLoader):
    """YAML whose truth values are true and false alone, as in YAML 1.2: `compile: off` is a word, and so is a `no`.

    Where a key wants a truth value, pydantic takes `off` and `no` for false all the same.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own, with one rule less
        first: [(tag, rule) for tag, rule in rules if tag != _TRUTH]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(_TRUTH, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def load_config(path: Path) -> RunConfig:
    """Read and check the whole config, so that a bad one fails before any work starts. Raises ConfigError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        fault = "there is no such file. `fsl init --template support-intents` writes one"
        raise ConfigError(str(path), (fault,)) from error
    except OSError as error:
        raise ConfigError(str(path), (f"it cannot be read: {error}",)) from error
    return parse_config(data, where=str(path))


def parse_config(text: str | bytes, *, where: str, kind: type[RunConfig] = RunConfig) -> RunConfig:
    """Check a config's text; raises ConfigError with every fault.

    Args:
        where: names the text in errors.
        kind: `RecordedConfig` where the environment must change nothing.
    """
    try:
        text = text.decode("utf-8") if isinstance(text, bytes) else text
        if sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_Loader)) > _MAX_ALIASES:
            raise ConfigError(where, (f"it holds more than {_MAX_ALIASES} aliases (*name). Write the values out",))
        root, values = yaml.compose(text, Loader=_Loader), yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a SafeLoader
    except UnicodeDecodeError as error:
        raise ConfigError(where, (f"it cannot be read: {error}",)) from error
    except _NOT_YAML as error:
        raise ConfigError(where, (f"it is not YAML: {' '.join(str(error).split())[:500]}",)) from error
    if not isinstance(values, dict):
        raise ConfigError(where, ("it holds no keys. It needs at least `project: some-name`",))
    lines: dict[Place, int] = {}
    repeated = []
    for place, line in _lines(root, (), set()):
        if place in lines:
            repeated.append(f"line {line}: {'.'.join(map(str, place))}: this key stands in line {lines[place]} already")
        lines.setdefault(place, line)
    return _build({str(key): value for key, value in values.items()}, where, kind, lines, repeated)


def default_config(project: str) -> RunConfig:
    """Return a project's config with nothing but defaults and the environment. Raises ConfigError."""
    return _build({"project": project}, f"the project {project!r} with this environment", RunConfig, {}, ())


def as_yaml(config: RunConfig) -> str:
    """Return the config as YAML that `parse_config` reads back, defaults included."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _build(
    values: Mapping[str, Any], where: str, kind: type[RunConfig], lines: Mapping[Place, int], repeated: Collection[str]
) -> RunConfig:
    # Fields alone may pass: pydantic-settings would obey arguments of its own, such as `_env_file`.
    known = {key: value for key, value in values.items() if key in kind.model_fields}
    faults: list[Mapping[str, Any]] = [{"type": "extra_forbidden", "loc": (key,)} for key in values if key not in known]
    config = None
    try:
        config = kind(**known)
    except ValidationError as error:
        faults += error.errors()
    except SettingsError as error:
        repeated = [*repeated, f"the environment: {error}"]
    variables = {name.upper() for name in os.environ} if kind.heeds_environment else set()
    words = (*describe_faults(faults, lines, variables), *repeated)
    if config is None or words:
        raise ConfigError(where, words)
    return config


def _lines(node: yaml.Node | None, place: Place, seen: set[int]) -> Iterator[tuple[Place, int]]:
    """Yield the line of every key. A node that an alias names again is not entered again: it may hold itself."""
    if not isinstance(node, yaml.MappingNode) or id(node) in seen:
        return
    seen.add(id(node))
    for key, value in node.value:
        inner = (*place, str(key.value))
        yield inner, key.start_mark.line + 1
        yield from _lines(value, inner, seen)
