"""The retrain flow: a challenger from everything accepted so far, judged as it would be served."""

from typing import Any

from prefect import flow
from prefect.states import Completed

from tasks.export import export_bundle
from tasks.learning import adapt_student, adapt_teacher, plan_run
from tasks.promotion import (
    ask_approval,
    judge_challenger,
    promote,
    register_version,
    resolve_champion,
    score_both,
    why_barred,
)

HOW_TO_DECIDE = 'Decide: fsl models approve {0} --reason "…", or fsl models refuse {0} --reason "…"'


@flow(name="retrain", flow_run_name="retrain {project}", persist_result=True, result_serializer="json")
def retrain(project: str, reason: str = "started by hand") -> Any:
    """Fit a challenger on everything accepted so far, judge it, and promote it if it is better.

    Args:
        project: the project's name, as in its fsl.yaml.
        reason: why it was started; shown on the run's page.

    Returns:
        A dict with `version`, `outcome` and `reasons`; where a person has the last word, in a state that says so.
    """
    seen = resolve_champion(project)
    champion = seen.version if seen else None
    key, challenger = plan_run(project)
    if challenger == champion:
        return {
            "version": champion,
            "outcome": "unchanged",
            "reasons": ["nothing came in since the champion was trained"],
        }
    barred = why_barred(project, challenger)
    if barred is not None:
        return {"version": challenger, "outcome": "barred", "reasons": [barred]}
    adapt_teacher(project, key)
    adapt_student(project, key)
    export_bundle(project, key)
    score_both(project, key, champion)
    verdict = judge_challenger(project, key, champion)
    version = register_version(project, key, verdict, reason)
    waits = ask_approval(project, key, verdict)
    if waits is not None:
        # The run ends here, and whoever decides moves the champion: docs/decisions/0016-approval.md
        reasons = [waits, *verdict["reasons"]]
        result = {"version": version, "outcome": "waiting", "reasons": reasons, "started_by": reason}
        return Completed(name="Waiting for approval", message=f"{waits}. {HOW_TO_DECIDE.format(version)}", data=result)
    if verdict["outcome"] == "promote":
        promote(project, key, verdict, seen)
    return {"version": version, "outcome": verdict["outcome"], "reasons": verdict["reasons"], "started_by": reason}
