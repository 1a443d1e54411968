"""Housekeeping: what nobody needs goes, and runs whose worker died are called what they are."""

from typing import Any

from prefect import flow

from flows.parameters import ProjectName
from flows.silence import say_silence
from tasks.housekeeping import (
    apply_retention,
    clean_registry,
    compact_predictions,
    prune_claims,
    remove_old_steps,
    show_housekeeping,
)
from tasks.reconciling import reconcile_runs
from tasks.turns import sign_of_life


@flow(name="housekeeping", flow_run_name="housekeeping {project}", persist_result=True, result_serializer="json")
def housekeeping(project: ProjectName) -> dict[str, Any]:
    """Clean a project's registry, old runs and claims; merge its log, apply retention, reconcile dead runs.

    Args:
        project: the project's name, as in its fsl.yaml.
    """
    with sign_of_life(project):
        done = {
            "crashed": reconcile_runs(project),
            "silence": say_silence(project),
            "registry": clean_registry(project),
            "steps": remove_old_steps(project),
            "claims": prune_claims(project),
            "compaction": compact_predictions(project),  # before retention, which removes what was merged
            "retention": apply_retention(project),
        }
        show_housekeeping(project, done)
        return done
