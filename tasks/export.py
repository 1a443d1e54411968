"""The Prefect task that exports. What a bundle is stands in `fsl.serving.bundle`; how it is built, in `fsl.export`."""

from collections.abc import Mapping
from pathlib import Path

from prefect import task
from pydantic import JsonValue

from fsl.data.snapshots import SnapshotRef, load_pool, load_samples
from fsl.runs.steps import fetch_step, finish_step, load_plan
from fsl.samples import Split
from tasks.resources import RETRIES, is_transient, project_of


@task(name="export the bundle", timeout_seconds=3600, retry_condition_fn=is_transient, **RETRIES)
def export_bundle(project: str, key: str) -> None:
    """Export the student to ONNX, prove parity and int8, and store the bundle."""
    from fsl.export.bundle import build_bundle
    from fsl.learning.artifacts import load_student

    opened, plan = project_of(project), load_plan(project_of(project), key)

    def make(folder: Path) -> Mapping[str, JsonValue]:
        student = load_student(fetch_step(opened, key, "student"))
        pool = load_pool(opened.store, SnapshotRef(plan.snapshot))
        labelled = load_samples(opened.store, SnapshotRef(plan.snapshot), {Split.TRAIN, Split.TUNE})
        tune = [sample for sample in labelled if sample.split == Split.TUNE]
        texts = [sample.text for sample in (*pool, *tune)]
        report = build_bundle(
            student,
            texts,
            opened.problem,
            plan.config.export,
            folder,
            labelled=labelled,
            serving=plan.config.serving,
        )
        return report.to_json()

    finish_step(opened, key, "bundle", make)
