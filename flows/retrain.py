"""The retrain flow: a challenger from everything accepted so far, judged as it would be served."""

from prefect import flow
from pydantic import JsonValue

from tasks.export import export_bundle
from tasks.learning import adapt_student, adapt_teacher, plan_run
from tasks.promotion import judge_challenger, promote, register_version, resolve_champion, score_both, why_barred


@flow(name="retrain", flow_run_name="retrain {project}", persist_result=True, result_serializer="json")
def retrain(project: str, reason: str = "started by hand") -> dict[str, JsonValue]:
    """Fit a challenger on everything accepted so far, judge it, and promote it if it is better.

    Args:
        project: the project's name, as in its fsl.yaml.
        reason: why it was started; shown on the run's page.
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
    if verdict["outcome"] == "promote":
        promote(project, key, verdict, seen)
    return {"version": version, "outcome": verdict["outcome"], "reasons": verdict["reasons"], "started_by": reason}
