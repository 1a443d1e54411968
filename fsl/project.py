"""A project as a worker sees it: a name, its part of the store, its config.

Everything that matters lies in the bucket, so a worker on any machine needs the name and the store's address alone.
A person's folder with `fsl.yaml` is `fsl.workspace`.
"""

import logging
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from fsl.config import RunConfig, StoreConfig
from fsl.config.file import as_yaml, default_config, parse_config
from fsl.errors import FslError
from fsl.problems import find_problem
from fsl.problems.base import Problem
from fsl.store import layout
from fsl.store.clients import Credentials
from fsl.store.layout_file import open_layout
from fsl.store.objects import ObjectStore
from fsl.store.probe import ensure_safe
from fsl.store.registry import Registry
from fsl.store.signing import signer_from, trust_of

log = logging.getLogger(__name__)


@dataclass(eq=False)
class NoSuchProject(FslError):
    """The store holds no project of that name."""

    project: str
    where: str

    def __str__(self) -> str:
        return (
            f"there is no project {self.project!r} in {self.where}. In the project's folder, `fsl config push` "
            f"puts its config there; `fsl config show` says which store a folder points to. Where it was removed on "
            f"purpose, `fsl deploy` takes its schedules away."
        )


@dataclass(frozen=True)
class Project:
    """An open project."""

    name: str
    store: ObjectStore  # everything of the project, and nothing else
    config: RunConfig
    cache: Path = field(default_factory=lambda: cache_folder())
    registry_id: str = ""  # of `layout.json`

    @property
    def problem(self) -> Problem:
        return find_problem(self.config.problem.kind)

    @cached_property
    def registry(self) -> Registry:
        """Versions and aliases, with the keys that the config lists and the one that this process signs with."""
        return Registry(self.store, self.registry_id, trust_of(self.config.registry), signer_from(os.environ))


def cache_folder() -> Path:
    """Return where fetched files are kept by digest. It may be removed at any time."""
    return Path(os.environ.get("FSL_CACHE_DIR") or Path.home() / ".cache" / "fsl")


def connect(config: StoreConfig, project: str, credentials: Credentials | None = None) -> ObjectStore:
    """Return the project's part of a store."""
    return ObjectStore.connect(config, credentials=credentials).within(f"{project}/")


def open_project(name: str, store_config: StoreConfig | None = None) -> Project:
    """Open a project by its name, with the store that the environment names (`FSL_STORE__ENDPOINT_URL`, …).

    Raises:
        NoSuchProject: nobody pushed it there.
        ConfigError: the name, the environment or what lies there is no config.
        LayoutTooNew: a newer fsl wrote it.
    """
    store_config = store_config or default_config(name).store
    store = connect(store_config, name)
    data = store.find(layout.CONFIG)
    if data is None:
        raise NoSuchProject(name, store.where())
    found = open_layout(store, name)
    config = parse_config(data, where=store.where(layout.CONFIG))
    return Project(name, store, config.model_copy(update={"store": store_config}), registry_id=found.registry)


def list_projects(store_config: StoreConfig, credentials: Credentials | None = None) -> tuple[str, ...]:
    """Return the names of the projects in a store, sorted: those that have a config there."""
    whole = ObjectStore.connect(store_config, credentials=credentials)
    return tuple(name for name in sorted(whole.folders()) if whole.head(f"{name}/{layout.CONFIG}") is not None)


def read_configs(store_config: StoreConfig) -> tuple[RunConfig, ...]:
    """Return the configs of all projects in a store. One that cannot be read is logged and left out."""
    configs = []
    for name in list_projects(store_config):
        try:
            configs.append(open_project(name, store_config).config)
        except FslError as error:  # one project's fault must not keep the others from being served
            log.warning("the project %s is left out: %s", name, error)
    return tuple(configs)


def push_config(config: RunConfig, store: ObjectStore, *, split_key: str | None = None) -> Project:
    """Make the project exist in the store, and its config the one that workers use."""
    ensure_safe(store, config.store, cache=cache_folder())
    found = open_layout(store, config.project, split_key=split_key)
    data = as_yaml(config).encode("utf-8")
    if store.find(layout.CONFIG) != data:  # so that nobody needs the right to change it who does not
        store.put(layout.CONFIG, data)
    return Project(config.project, store, config, registry_id=found.registry)
