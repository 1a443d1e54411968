"""The retrain flow: a challenger from everything accepted so far, judged as it would be served."""

from collections.abc import Callable
from typing import Annotated, Any

from prefect import flow
from prefect.states import Completed
from pydantic import Field

from flows.events import RETRAIN_FINISHED, tell
from flows.learn import train_elsewhere
from flows.parameters import ProjectName
from fsl.runs.retrain_log import JUDGED
from tasks.export import export_bundle
from tasks.learning import adapt_student, adapt_teacher, has_seen_all, refit_head
from tasks.promotion import (
    ask_approval,
    find_result,
    judge_challenger,
    keep_result,
    promote,
    register_version,
    resolve_champion,
    score_both,
    why_barred,
)
from tasks.resources import steps
from tasks.turns import Turn, retrain_turn, say_version, sign_of_life

WAITING = "waiting"
HOW_TO_DECIDE = 'Decide: fsl models approve {0} --reason "…", or fsl models refuse {0} --reason "…"'


@flow(name="retrain", flow_run_name="retrain {project}", persist_result=True, result_serializer="json")
def retrain(
    project: ProjectName,
    reason: Annotated[str, Field(max_length=2000, description="Why it was started; shown on the run's page.")] = (
        "started by hand"
    ),
    head_only: Annotated[bool, Field(description="Keep the champion's encoder; fit a new head in seconds.")] = False,
) -> Any:
    """Fit a challenger on everything accepted so far, judge it, and promote it if it is better.

    Of any number of starts one does it: the others say who does.

    Args:
        project: the project's name, as in its fsl.yaml.
        reason: why it was started; shown on the run's page.
        head_only: keep the champion's encoder, and fit only a new head to its vectors of all rows.

    Returns:
        A dict with `version`, `outcome` and `reasons`; where a person has the last word, in a state that says so.
    """
    with sign_of_life(project), retrain_turn(project, head_only=head_only) as turn:
        say_version(turn.version)
        if turn.said is not None:
            return turn.said
        result = _retrain(project, reason, turn, head_only)
        if turn.held is not None:
            turn.held.outcome = str(result["outcome"])
        tell(RETRAIN_FINISHED, project, action=str(result["outcome"]), payload=result)
    if result["outcome"] == WAITING:
        # The run ends here, and whoever decides moves the champion: docs/decisions/0016-approval.md
        how = HOW_TO_DECIDE.format(result["version"])
        return Completed(name="Waiting for approval", message=f"{result['reasons'][0]}. {how}", data=result)
    return result


def _retrain(project: str, reason: str, turn: Turn, head_only: bool) -> dict[str, Any]:
    seen = resolve_champion(project)
    champion = seen.version if seen else None
    key, challenger = turn.key, turn.version
    if challenger == champion or (head_only and has_seen_all(project, key)):
        return {
            "version": champion,
            "outcome": "unchanged",
            "reasons": ["nothing came in since the champion was trained"],
        }
    barred = why_barred(project, challenger)
    if barred is not None:
        return {"version": challenger, "outcome": "barred", "reasons": [barred]}
    done = find_result(project, key, seen)
    if done is not None:
        return done | {"outcome": "unchanged", "reasons": [f"judged before: {done['outcome']}", *done["reasons"]]}
    step = steps(3 if head_only else 5)
    if head_only:
        refit_head(project, key)
        step("the head is refitted")
    else:
        _train(project, key, step)
    score_both(project, key, champion)
    step("both are scored")
    verdict = judge_challenger(project, key, champion)
    version = register_version(project, key, verdict, reason)
    waits = ask_approval(project, key, verdict)
    if waits is not None:
        return {"version": version, "outcome": WAITING, "reasons": [waits, *verdict["reasons"]], "started_by": reason}
    if verdict["outcome"] == "promote":
        promote(project, key, verdict, seen, turn.ticket)
    step("judged and registered")
    result = {"version": version, "outcome": verdict["outcome"], "reasons": verdict["reasons"], "started_by": reason}
    if verdict["outcome"] in JUDGED:
        keep_result(project, key, seen, result)
    return result


def _train(project: str, key: str, step: Callable[[str], None]) -> None:
    if train_elsewhere(project, key):
        step("the teacher is adapted in the training pool")
    else:
        adapt_teacher(project, key)
        step("the teacher is adapted")
        adapt_student(project, key)
    step("the student is distilled")
    export_bundle(project, key)
    step("the bundle is exported")
