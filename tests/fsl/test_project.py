"""A project as a worker sees it: a name and a store."""

from pathlib import Path

import pytest

from fsl.config import ProblemConfig, RunConfig, StoreConfig
from fsl.errors import ConfigError
from fsl.project import NoSuchProject, cache_folder, connect, open_project, push_config
from fsl.store import layout
from fsl.store.embedded.server import Endpoint
from fsl.store.errors import BadName, ForeignProject, LayoutTooNew
from fsl.store.objects import ObjectStore


@pytest.fixture
def name(store: ObjectStore, store_config: StoreConfig, s3: Endpoint, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project's name that nobody has used, in an environment that names the store."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.credentials.secret_key)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    monkeypatch.setenv("FSL_STORE__ENDPOINT_URL", str(store_config.endpoint_url))
    monkeypatch.setenv("FSL_STORE__BUCKET", store_config.bucket)
    return store.prefix.rstrip("/")


def test_what_one_process_pushes_another_opens_by_name(name: str, store_config: StoreConfig) -> None:
    config = RunConfig(project=name, problem=ProblemConfig(kind="tagging"), store=store_config)
    push_config(config, connect(store_config, name))

    project = open_project(name)

    assert (project.name, project.config) == (name, config)
    assert project.problem.kind == "tagging"


def test_the_store_that_was_used_wins_over_the_one_that_was_pushed(
    name: str, store_config: StoreConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FSL_STORE__ENDPOINT_URL")
    monkeypatch.delenv("FSL_STORE__BUCKET")
    elsewhere = StoreConfig(endpoint_url="http://127.0.0.1:1", bucket="gone")
    push_config(RunConfig(project=name, store=elsewhere), connect(store_config, name))

    assert open_project(name, store_config).config.store == store_config


def test_a_project_that_nobody_pushed_says_how_to(name: str) -> None:
    with pytest.raises(NoSuchProject, match=rf"there is no project '{name}' in .*`fsl config push`"):
        open_project(name)


@pytest.mark.parametrize("wrong", ["", "A", "../b", "a/b", "x" * 64])
def test_a_name_that_is_none_is_refused_before_any_request(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSL_STORE__ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(ConfigError, match="project"):
        open_project(wrong)


def test_a_name_cannot_climb_out_of_its_prefix(store_config: StoreConfig, s3: Endpoint) -> None:
    with pytest.raises(BadName):
        connect(store_config, "../b", s3.credentials)


@pytest.mark.parametrize(
    ("stored", "words"),
    [(b"project: {", "it is not YAML"), (b"\xff", "cannot be read"), (b"project: a\nlater: 1", "there is no such key")],
)
def test_a_stored_config_that_is_none_is_refused_with_its_place(
    name: str, store_config: StoreConfig, stored: bytes, words: str
) -> None:
    store = connect(store_config, name)
    push_config(RunConfig(project=name), store)
    store.put(layout.CONFIG, stored)

    with pytest.raises(ConfigError, match=words) as caught:
        open_project(name)

    assert caught.value.where == store.where(layout.CONFIG)


def test_a_project_of_a_newer_fsl_is_not_opened(name: str, store_config: StoreConfig) -> None:
    store = connect(store_config, name)
    push_config(RunConfig(project=name), store)
    store.put(layout.LAYOUT, store.get(layout.LAYOUT).replace(b'"layout": 2', b'"layout": 3'))

    with pytest.raises(LayoutTooNew):
        open_project(name)


def test_a_prefix_that_another_project_owns_is_not_taken(name: str, store_config: StoreConfig) -> None:
    store = connect(store_config, name)
    push_config(RunConfig(project="another"), store)

    with pytest.raises(ForeignProject):
        push_config(RunConfig(project=name), store)
    assert b"project: another" in store.get(layout.CONFIG)


def test_fetched_files_lie_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FSL_CACHE_DIR", str(tmp_path))

    assert cache_folder() == tmp_path
