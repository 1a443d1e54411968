"""The Prefect task that looks for drift. What counts as changed is `fsl.drift`'s."""

from datetime import UTC, datetime
from typing import Any

from prefect import task
from prefect.artifacts import create_table_artifact

from fsl.drift.decision.examine import examine
from fsl.drift.decision.history import save_decision
from fsl.drift.errors import NoPredictions, TooFewRows
from fsl.drift.report.evidently_report import build_pages
from fsl.drift.windows.reading import read_windows
from fsl.promotion.promote import CHAMPION
from fsl.store.aliases import current_move
from tasks.resources import RETRIES, is_transient, project_of


@task(name="compare served traffic", timeout_seconds=1800, retry_condition_fn=is_transient, **RETRIES)
def check_window(project: str) -> dict[str, Any]:
    """Compare the latest served window with the champion's first one; store decision and report."""
    opened = project_of(project)
    move = current_move(opened.registry, CHAMPION)
    try:
        windows = read_windows(
            opened.store, opened.config.drift, opened.problem, version=move.version if move else None
        )
    except (NoPredictions, TooFewRows) as error:  # a young project is no fault: an unattended run says so and ends well
        return {"window": None, "action": "none", "reason": str(error)}
    decision = examine(windows, opened.config.drift, now=datetime.now(UTC))
    decision = save_decision(opened.store, decision, build_pages(windows.reference, windows.current, decision))
    rows = [
        {"finding": one.name, "p": one.p_value, "effect": one.effect, "alarm": one.alarmed, "in words": one.words}
        for one in decision.findings
    ]
    create_table_artifact(rows, key="drift-findings", description=f"{project}: {decision.action}")
    reason = "; ".join(decision.reasons)
    if decision.action == "retrain" and not opened.config.triggers.on_drift:
        return {"window": decision.window, "action": "watch", "reason": f"triggers.on_drift is off; {reason}"}
    return {"window": decision.window, "action": decision.action, "reason": reason}
