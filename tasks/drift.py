"""The Prefect task that looks for drift. What counts as changed is `fsl.drift`'s."""

from datetime import UTC, datetime
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact

from fsl.drift.checking import check_window as check
from fsl.drift.errors import NoPredictions, TooFewRows
from tasks.resources import RETRIES, is_transient, project_of


@task(name="compare served traffic", timeout_seconds=1800, retry_condition_fn=is_transient, **RETRIES)
def check_window(project: str) -> dict[str, Any]:
    """Compare the latest served window with the champion's first one; store decision and report."""
    opened = project_of(project)
    try:
        decision = check(opened, now=datetime.now(UTC))
    except (NoPredictions, TooFewRows) as error:  # a young project is no fault: an unattended run says so and ends well
        return {"window": None, "action": "none", "reason": str(error)}
    rows = [
        {"finding": one.name, "p": one.p_value, "effect": one.effect, "alarm": one.alarmed, "in words": one.words}
        for one in decision.findings
    ]
    create_table_artifact(rows, key="drift-findings", description=f"{project}: {decision.action}")
    found = {"window": decision.window, "advice": decision.action, "reason": "; ".join(decision.reasons)}
    if not decision.starts_retrain:
        return {**found, "action": decision.action}
    if not opened.config.triggers.on_drift:
        return {**found, "action": "watch", "reason": f"triggers.on_drift is off; {found['reason']}"}
    return {**found, "action": "retrain"}
