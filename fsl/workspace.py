"""A person's project folder: `fsl.yaml`, sample data, and `.fsl/` with everything that runs locally.

| in `.fsl/` | what |
|---|---|
| `store/` | the embedded server's data, log and credentials (readable by the owner alone) |
| `prefect/` | the database and logs of the local Prefect server |
| `reports/` | pages fetched for reading |
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from fsl.config import RunConfig, StoreConfig
from fsl.config.file import load_config
from fsl.data.checking.suite import parse_suite
from fsl.data.errors import SuiteFault
from fsl.errors import FslError
from fsl.project import Project, connect, push_config
from fsl.store import layout
from fsl.store.clients import Credentials
from fsl.store.embedded.server import running

CONFIG_FILE = "fsl.yaml"
STATE_FOLDER = ".fsl"
_STORE_VARIABLES = (
    "FSL_STORE__ENDPOINT_URL",
    "FSL_STORE__BUCKET",
    "FSL_STORE__REGION",
    "FSL_STORE__SINGLE_WRITER",
    "FSL_STORE__LOCK_FILE",
)
_KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")


@dataclass(eq=False)
class NoWorkspace(FslError):
    """There is no project here."""

    folder: str

    def __str__(self) -> str:
        return (
            f"there is no {CONFIG_FILE} in {self.folder} or above it. Go to a project's folder, or make one: "
            f"fsl init my-project --template support-intents"
        )


@dataclass(eq=False)
class UnknownTemplate(FslError):
    """No such template."""

    name: str

    def __str__(self) -> str:
        return f"there is no template {self.name!r}. There are: {', '.join(template_names())}"


@dataclass(eq=False)
class FolderInUse(FslError):
    """`init` never overwrites."""

    folder: str
    file: str

    def __str__(self) -> str:
        return f"{self.folder} holds {self.file} already, and nothing was changed. Name another folder: fsl init OTHER"


@dataclass(eq=False)
class FolderUnusable(FslError):
    """A project cannot be written there."""

    folder: str
    why: str

    def __str__(self) -> str:
        return f"no project can be made in {self.folder}: {self.why}. Nothing was kept. Name another folder."


@dataclass(frozen=True)
class Workspace:
    """A folder with a project."""

    folder: Path

    @property
    def config_file(self) -> Path:
        return self.folder / CONFIG_FILE

    @property
    def state(self) -> Path:
        return self.folder / STATE_FOLDER

    @property
    def config(self) -> RunConfig:
        """Read the config, checked anew each time."""
        return load_config(self.config_file)

    @contextmanager
    def open_store(self) -> Iterator[StoreConfig]:
        """Give the store's config, starting the embedded server for the time being where no other is named.

        While it is open, `os.environ` holds its address and credentials, so that flows and child processes find it.
        """
        config = self.config
        if config.store.endpoint_url is not None:
            with _environment(store_environment(config.store)):
                yield config.store
            return
        with running(self.state / "store", config.store.embedded_program) as endpoint:
            store = config.store.model_copy(update={"endpoint_url": endpoint.url})
            with _environment(store_environment(store, endpoint.credentials)):
                yield store

    @contextmanager
    def open(self, *, split_key: str | None = None) -> Iterator[Project]:
        """Give the project, its config pushed to the store so that workers see the same.

        Args:
            split_key: 64 hexadecimal digits by which a new project splits its rows, so that it can be repeated;
                random by default.
        """
        with self.open_store() as store_config:
            config = self.config.model_copy(update={"store": store_config})
            whole = connect(store_config, config.project)
            whole.ensure_bucket()
            suite = self._read_suite(config)
            project = push_config(config, whole, split_key=split_key)
            if suite is not None:
                whole.put(layout.SUITE, suite)
            yield project

    def _read_suite(self, config: RunConfig) -> bytes | None:
        """Return the project's own suite, checked, so that a bad one fails before any work starts."""
        if config.data.suite is None:
            return None
        path = self.folder / config.data.suite
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise SuiteFault(config.data.suite, "it lies outside of the project's folder")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SuiteFault(config.data.suite, f"it cannot be read ({error.strerror or error})") from error
        parse_suite(data, where=config.data.suite)
        return data


def using_profile(profile: str | None) -> AbstractContextManager[None]:
    """Let an AWS profile give the credentials of what is opened meanwhile; None changes nothing."""
    return _environment({} if profile is None else dict.fromkeys(_KEY_VARIABLES) | {"AWS_PROFILE": profile})


@contextmanager
def open_both(here: Workspace, there: Workspace, *, profile: str | None = None) -> Iterator[tuple[Project, Project]]:
    """Give two projects at once. What the first one's store sets in `os.environ` does not reach the second.

    Args:
        profile: the AWS profile whose credentials open the second; default: those that open the first.
    """
    names = (*_STORE_VARIABLES, *_KEY_VARIABLES)
    before = {name: os.environ.get(name) for name in names}
    with here.open() as mine, _environment(before), using_profile(profile), there.open() as theirs:
        yield mine, theirs


def find_workspace(start: Path) -> Workspace:
    """Return the nearest workspace at or above a folder. Raises NoWorkspace."""
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / CONFIG_FILE).is_file():
            return Workspace(folder)
    raise NoWorkspace(str(start.resolve()))


def template_names() -> tuple[str, ...]:
    """Return the names of the templates that ship with the product."""
    root = files("fsl") / "templates"
    return tuple(sorted(entry.name for entry in root.iterdir() if (entry / CONFIG_FILE).is_file()))


def init_workspace(folder: Path, template: str) -> Workspace:
    """Copy a template into a folder; nothing that is there is changed, but for a line in its `.gitignore`.

    Raises:
        UnknownTemplate, FolderInUse, FolderUnusable: nothing was changed.
    """
    if template not in template_names():
        raise UnknownTemplate(template)
    made: list[Path] = []
    try:
        with as_file(files("fsl") / "templates" / template) as source:
            names = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]
            for name in (Path(CONFIG_FILE), *names):
                if (folder / name).exists():
                    raise FolderInUse(str(folder), str(name))
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                made.append(folder / name)
                shutil.copyfile(source / name, folder / name)
        _ignore_state(folder / ".gitignore")
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        raise FolderUnusable(str(folder), error.strerror or str(error)) from error
    return Workspace(folder)


def _ignore_state(path: Path) -> None:
    before = path.read_bytes() if path.exists() else b""
    state = f"{STATE_FOLDER}/".encode()
    if state not in before.splitlines():
        path.write_bytes(before + (b"\n" if before and not before.endswith(b"\n") else b"") + state + b"\n")


def store_environment(store: StoreConfig, credentials: Credentials | None = None) -> dict[str, str | None]:
    """Return what a child process needs to reach the store, None for what must not be set.

    Without credentials, the AWS chain finds its own.
    """
    values: dict[str, str | None] = {
        "FSL_STORE__ENDPOINT_URL": str(store.endpoint_url),
        "FSL_STORE__BUCKET": store.bucket,
        "FSL_STORE__REGION": store.region,
        "FSL_STORE__SINGLE_WRITER": str(store.single_writer).lower(),
        "FSL_STORE__LOCK_FILE": str(store.lock_file) if store.lock_file else None,
    }
    if credentials is not None:
        values |= {"AWS_ACCESS_KEY_ID": credentials.access_key, "AWS_SECRET_ACCESS_KEY": credentials.secret_key}
        # Somebody's own session or profile would be sent along with these keys, and the server would refuse them.
        values |= {"AWS_SESSION_TOKEN": credentials.session_token, "AWS_PROFILE": None}
    return values


@contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    _set_environment(values)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
