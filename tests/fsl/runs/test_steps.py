"""One retrain: its plan, and what its finished steps left."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from fsl.config import GateConfig, RunConfig, StoreConfig, TriggerConfig
from fsl.errors import ConfigError
from fsl.project import Project
from fsl.runs.steps import fetch_step, find_step, finish_step, load_plan, plan_retrain
from fsl.store import layout
from fsl.store.errors import DamagedObject, NewerSchema, ObjectMissing
from fsl.store.objects import ObjectStore
from fsl.store.registry_errors import NoSuchVersion

SNAPSHOT = "5" * 64


@pytest.fixture
def project(store: ObjectStore, tmp_path: Path) -> Project:
    return Project("tickets", store, RunConfig(project="tickets"), tmp_path / "cache")


def with_config(project: Project, **sections: Any) -> Project:
    """Return the project with some sections of its config replaced."""
    return Project(project.name, project.store, project.config.model_copy(update=sections), project.cache)


def writing(text: str, calls: list[str] | None = None) -> Callable[[Path], Mapping[str, JsonValue]]:
    """Return a step that writes one file, and notes that it was run."""

    def make(folder: Path) -> Mapping[str, JsonValue]:
        if calls is not None:
            calls.append(text)
        (folder / "result.txt").write_text(text, encoding="utf-8")
        return {"n_chars": len(text)}

    return make


def test_the_same_inputs_make_the_same_plan(project: Project) -> None:
    plan = plan_retrain(project, SNAPSHOT)

    assert plan == plan_retrain(project, SNAPSHOT) == load_plan(project, plan.key)
    assert (plan.snapshot, plan.config.model_dump()) == (SNAPSHOT, project.config.model_dump())
    assert plan.version == f"v-{plan.key[:12]}"


@pytest.mark.parametrize(
    "sections",
    [
        {"gate": GateConfig(alpha=0.2)},
        {"triggers": TriggerConfig(min_new_rows=3)},
        {"store": StoreConfig(endpoint_url="http://127.0.0.1:9")},
    ],
)
def test_what_no_step_reads_does_not_make_another_retrain(project: Project, sections: dict[str, Any]) -> None:
    assert plan_retrain(with_config(project, **sections), SNAPSHOT).key == plan_retrain(project, SNAPSHOT).key


@pytest.mark.parametrize(
    "overrides",
    [
        {"learning": {"seed": 18}},
        {"learning": {"distillation": {"temperature": 3.0}}},
        {"export": {"int8": False}},
        {"problem": {"kind": "tagging"}},
    ],
)
def test_what_a_step_reads_makes_another_retrain(project: Project, overrides: dict[str, Any]) -> None:
    other = Project(project.name, project.store, RunConfig(project="tickets", **overrides), project.cache)

    assert plan_retrain(other, SNAPSHOT).key != plan_retrain(project, SNAPSHOT).key


def test_another_snapshot_makes_another_retrain(project: Project) -> None:
    assert plan_retrain(project, SNAPSHOT).key != plan_retrain(project, "6" * 64).key


def test_a_plan_stays_as_it_was_made_whatever_was_pushed_or_set_since(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = plan_retrain(project, SNAPSHOT).key
    plan_retrain(with_config(project, gate=GateConfig(alpha=0.2)), SNAPSHOT)
    monkeypatch.setenv("FSL_LEARNING__SEED", "99")

    plan = load_plan(project, key)

    assert (plan.config.gate.alpha, plan.config.learning.seed) == (0.05, 17)


def test_a_plan_that_nobody_made_is_missing(project: Project) -> None:
    with pytest.raises(ObjectMissing):
        load_plan(project, "0" * 32)


@pytest.mark.parametrize(
    "stored", [b"", b"[]", b'{"schema": 1}', b'{"schema": 1, "snapshot": 7, "config": ""}', b"\xff"]
)
def test_a_plan_that_was_damaged_is_refused_with_its_place(project: Project, stored: bytes) -> None:
    key = plan_retrain(project, SNAPSHOT).key
    project.store.put(layout.step(key, "plan.json"), stored)

    with pytest.raises(DamagedObject, match=r"plan\.json"):
        load_plan(project, key)


def test_a_plan_of_a_newer_fsl_is_refused(project: Project) -> None:
    key = plan_retrain(project, SNAPSHOT).key
    project.store.put(layout.step(key, "plan.json"), b'{"schema": 2}')

    with pytest.raises(NewerSchema):
        load_plan(project, key)


def test_a_plan_whose_config_is_none_names_the_plan(project: Project) -> None:
    key = plan_retrain(project, SNAPSHOT).key
    plan = json.dumps({"schema": 1, "snapshot": SNAPSHOT, "config": "project: a\n_env_file: /etc/passwd\n"})
    project.store.put(layout.step(key, "plan.json"), plan.encode())

    with pytest.raises(ConfigError, match=r"plan\.json does not describe"):
        load_plan(project, key)


def test_a_finished_step_is_not_run_again(project: Project) -> None:
    calls: list[str] = []

    first = finish_step(project, "key", "teacher", writing("once", calls))
    again = finish_step(project, "key", "teacher", writing("twice", calls))

    assert calls == ["once"]
    assert first == again
    assert first.facts == {"n_chars": 4}
    assert (fetch_step(project, "key", "teacher") / "result.txt").read_text() == "once"


def test_steps_of_other_retrains_and_of_other_names_are_their_own(project: Project) -> None:
    finish_step(project, "key", "teacher", writing("a"))
    finish_step(project, "key", "student", writing("b"))
    finish_step(project, "other", "teacher", writing("c"))

    found = [fetch_step(project, *step) for step in (("key", "teacher"), ("key", "student"), ("other", "teacher"))]

    assert [(folder / "result.txt").read_text() for folder in found] == ["a", "b", "c"]


def test_a_step_that_fails_leaves_nothing_and_can_be_run_again(project: Project) -> None:
    def fail(folder: Path) -> Mapping[str, JsonValue]:
        (folder / "half.txt").write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        finish_step(project, "key", "teacher", fail)

    assert find_step(project, "key", "teacher") is None
    assert list(project.store.list("")) == []
    assert finish_step(project, "key", "teacher", writing("whole")).facts == {"n_chars": 5}


def test_of_two_workers_that_finish_one_step_the_first_result_holds_for_both(project: Project) -> None:
    def make(folder: Path) -> Mapping[str, JsonValue]:
        finish_step(project, "key", "teacher", writing("the other worker's"))
        return writing("ours, different")(folder)

    manifest = finish_step(project, "key", "teacher", make)

    assert manifest == find_step(project, "key", "teacher")
    assert (fetch_step(project, "key", "teacher") / "result.txt").read_text() == "the other worker's"


def test_a_step_that_is_not_finished_cannot_be_fetched(project: Project) -> None:
    with pytest.raises(NoSuchVersion):
        fetch_step(project, "key", "teacher")


def test_a_step_whose_file_was_changed_in_the_store_is_not_used(project: Project) -> None:
    manifest = finish_step(project, "key", "teacher", writing("weights"))
    (blob,) = [info.key for info in project.store.list("") if manifest.files[0].sha256 in info.key]
    project.store.put(blob, b"weighty")

    with pytest.raises(DamagedObject):
        fetch_step(project, "key", "teacher")
