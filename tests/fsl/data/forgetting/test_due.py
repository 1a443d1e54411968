"""Versions whose snapshot held forgotten rows are named, and refused once their time is over."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fsl.config import RunConfig
from fsl.data.forgetting.due import list_due, tombstones_seen, versions_that_saw, why_overdue
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.data.snapshots import take_snapshot
from fsl.data.tombstones import read_tombstones
from fsl.evaluation.ruling.verdict import Outcome, Verdict
from fsl.project import Project
from fsl.promotion.promote import LearntFromForgotten, promote
from fsl.runs.steps import RetrainPlan
from fsl.store.objects import ObjectStore
from fsl.store.registry import publish_version

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MARIA = Selection((parse_condition("text contains maria sand"),))
HELLO = Selection((parse_condition("text = greeting message 1"),))


@pytest.fixture
def project(peopled: ObjectStore, config: RunConfig, tmp_path: Path) -> Project:
    return Project("tickets", peopled, config, tmp_path / "cache")


def publish(project: Project, version: str, tmp_path: Path, *, head_of: str | None = None) -> str:
    """Register a version that was made from what is there now; return its snapshot."""
    folder = tmp_path / version
    folder.mkdir()
    (folder / "README.md").write_text(version, encoding="utf-8")
    digest = take_snapshot(project.store, project.config).digest
    publish_version(project.registry, version, folder, facts={"snapshot": digest, "head_of": head_of})
    return digest


def test_only_versions_made_before_are_named(project: Project, tmp_path: Path) -> None:
    publish(project, "v-old", tmp_path)
    forget(project.store, project.config, MARIA, who="ada", now=NOW)
    publish(project, "v-middle", tmp_path)
    forget(project.store, project.config, HELLO, who="bob", now=NOW + timedelta(days=1))
    publish(project, "v-new", tmp_path)

    first, second = read_tombstones(project.store).every

    assert versions_that_saw(project, first) == ("v-old",)
    assert versions_that_saw(project, second) == ("v-middle", "v-old")  # the older one held both
    assert [(one.versions, one.is_finished) for one in list_due(project)] == [
        (("v-old",), True),
        (("v-middle", "v-old"), True),
    ]


def test_a_version_is_refused_after_the_deadline_and_not_before(project: Project, tmp_path: Path) -> None:
    before = publish(project, "v-old", tmp_path)
    forget(project.store, project.config, MARIA, who="ada", now=NOW)
    after = publish(project, "v-new", tmp_path)

    assert why_overdue(project, before, NOW + timedelta(days=30)) is None
    late = why_overdue(project, before, NOW + timedelta(days=31))
    assert late is not None
    assert "asked to be forgotten on 2026-03-01, and the deadline of 30 days" in late
    assert why_overdue(project, after, NOW + timedelta(days=400)) is None
    assert [one.seq for one in tombstones_seen(project, before)] == [1]


def test_a_version_that_keeps_an_encoder_has_seen_what_the_encoder_saw(project: Project, tmp_path: Path) -> None:
    publish(project, "v-old", tmp_path)
    forget(project.store, project.config, MARIA, who="ada", now=NOW)
    publish(project, "v-head", tmp_path, head_of="v-old")
    after = publish(project, "v-second-head", tmp_path, head_of="v-head")
    publish(project, "v-new", tmp_path)
    publish(project, "v-copied", tmp_path, head_of="v-of-another-registry")

    (tombstone,) = read_tombstones(project.store).every
    assert versions_that_saw(project, tombstone) == ("v-head", "v-old", "v-second-head")
    late = NOW + timedelta(days=31)
    assert why_overdue(project, after, late, head_of="v-head") is not None
    assert why_overdue(project, after, late) is None


def test_the_gate_lets_no_such_version_through(project: Project, tmp_path: Path) -> None:
    plan = RetrainPlan("f" * 32, publish(project, "v-old", tmp_path), project.config)
    forget(project.store, project.config, MARIA, who="ada", now=NOW)
    verdict = Verdict(
        *(Outcome.PROMOTE, ("better",), (), (), plan.version, None, "nothing", "accuracy", None, (), (), ()), None
    )

    with pytest.raises(LearntFromForgotten, match="`fsl retrain` makes a version without them"):
        promote(project, plan, verdict, seen=None, who="test", now=NOW + timedelta(days=31))


def test_a_project_in_which_nothing_was_forgotten_owes_nothing(project: Project, tmp_path: Path) -> None:
    digest = publish(project, "v-old", tmp_path)

    assert list_due(project) == ()
    assert why_overdue(project, digest, NOW + timedelta(days=9999)) is None
