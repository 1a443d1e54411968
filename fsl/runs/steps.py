"""One retrain: the plan that names it, and what its finished steps left in the store.

A retrain is named by the digest of all that goes into it, and a step by the retrain and its own name. A step that was
finished anywhere is never done again: kill a run where you like, start it again on any machine, and it goes on.
"""

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from fsl.config import RecordedConfig, RunConfig
from fsl.config.file import as_yaml, parse_config
from fsl.project import Project
from fsl.store import documents, layout
from fsl.store.registry import Manifest, Registry, fetch_version, load_manifest, publish_version
from fsl.store.registry_errors import NoSuchVersion, VersionTaken

log = logging.getLogger(__name__)

SCHEMA = 1  # of a stored plan

# Raise a step's number when it would give another result from the same inputs: old results are then not reused. That
# something random is drawn otherwise is no other result: what an older version drew is as good.
STEP_VERSIONS = {"teacher": 4, "student": 4, "bundle": 4}
HEAD_STEP_VERSION = 4  # likewise, of the head-only retrain's one step


class _PlanDocument(documents.Document):
    snapshot: str
    config: str  # YAML
    head_of: str | None = None
    heard: str | None = None


@dataclass(frozen=True)
class RetrainPlan:
    """What a retrain is made from. Every step reads its config here, so a config pushed meanwhile changes nothing."""

    key: str
    snapshot: str
    config: RunConfig
    head_of: str | None = None  # the version whose encoder stays; None: the encoder is trained, too
    heard: str | None = None  # the old champion that the student listens to, where the config wants that

    @property
    def version(self) -> str:
        """The name of the version that it makes."""
        return f"v-{self.key[:12]}"


def plan_retrain(
    project: Project, snapshot: str, *, head_of: str | None = None, heard: str | None = None
) -> RetrainPlan:
    """Name a retrain by its inputs and store its plan. The same inputs give the same plan.

    Args:
        head_of: a version whose encoder stays as it is, so that only a head is fitted.
        heard: the old champion that the student listens to.
    """
    config = project.config
    key = retrain_key(config, snapshot, head_of=head_of, heard=heard)
    plan = {"schema": SCHEMA, "snapshot": snapshot, "config": as_yaml(config), "head_of": head_of, "heard": heard}
    # A retrain of the same inputs under another gate or trigger keeps the first plan: its steps are the same.
    project.store.create(layout.step(key, "plan.json"), documents.to_bytes(plan))
    return load_plan(project, key)


def retrain_key(config: RunConfig, snapshot: str, *, head_of: str | None = None, heard: str | None = None) -> str:
    """Return what names a retrain: the digest of all that goes into it."""
    parts = {
        "snapshot": snapshot,
        "problem": config.problem.model_dump(mode="json"),
        "learning": config.learning.model_dump(mode="json"),
        "export": config.export.model_dump(mode="json"),
        "serving": config.serving.model_dump(mode="json", exclude={"providers", "n_threads"}),
        "steps": STEP_VERSIONS,
        **({"head_of": head_of, "head": HEAD_STEP_VERSION} if head_of else {}),
        **({"heard": heard} if heard else {}),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def load_plan(project: Project, key: str) -> RetrainPlan:
    """Read a plan back; the environment changes nothing in it. Raises ObjectMissing, DamagedObject, NewerSchema."""
    name = layout.step(key, "plan.json")
    where = project.store.where(name)
    plan = documents.parse(_PlanDocument, project.store.get(name), where, schema_key="schema", schema=SCHEMA)
    config = parse_config(plan.config, where=where, kind=RecordedConfig)
    return RetrainPlan(key, plan.snapshot, config, plan.head_of, plan.heard)


def find_step(project: Project, key: str, name: str) -> Manifest | None:
    """Return what a step left, or None where it is not finished."""
    try:
        return load_manifest(_steps(project, key), name)
    except NoSuchVersion:
        return None


def finish_step(project: Project, key: str, name: str, make: Callable[[Path], Mapping[str, JsonValue]]) -> Manifest:
    """Run a step unless it is finished already.

    Args:
        make: writes the step's files into the empty folder it is given, and returns its facts.
    """
    found = find_step(project, key, name)
    if found is not None:
        log.info("step %s of %s is finished already", name, key)
        return found
    with tempfile.TemporaryDirectory() as scratch:
        facts = make(Path(scratch))
        try:
            return publish_version(_steps(project, key), name, Path(scratch), facts=facts)
        except VersionTaken:
            # Another worker finished it meanwhile. Its result holds, so that all later steps agree.
            return load_manifest(_steps(project, key), name)


def fetch_step(project: Project, key: str, name: str) -> Path:
    """Return a folder with a finished step's files, every digest checked. Raises NoSuchVersion."""
    return fetch_version(_steps(project, key), name, project.cache)


def _steps(project: Project, key: str) -> Registry:
    """Steps are versions of a run's own small registry: written whole or not at all, and checked on reading."""
    return project.registry.within(layout.step(key, ""))
