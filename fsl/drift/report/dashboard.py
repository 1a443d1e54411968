"""The second door to Evidently: a workspace with every window of a project, shown over time by its own server.

Numbers of decisions go in, never a text and never a served row. The folder is a copy that can be made again.
"""

import logging
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from fsl.drift.decision.decision import Decision
from fsl.drift.report.lines import drift_score

_log = logging.getLogger(__name__)
HOST = "127.0.0.1"
REFRESH_SECONDS = 30.0
_NO_TRACKING = {"DO_NOT_TRACK": "1"}
_PANELS = (
    ("Drift score (minus log10 of the smallest joint p-value)", ("drift score", "alarm bound")),
    ("Estimated accuracy with its 95% band", ("accuracy", "accuracy, low", "accuracy, high")),
    ("Share of rows out of scope", ("out of scope",)),
    ("Alarms of the window", ("alarms",)),
    ("Budget of false alarms spent, in percent", ("budget spent, %",)),
    ("Version (a step is a new champion)", ("version",)),
)


class Dashboard:
    """A project's Evidently workspace, fed window by window."""

    def __init__(self, folder: Path, project: str) -> None:
        os.environ.update(_NO_TRACKING)
        from evidently.ui.workspace import Workspace

        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._workspace: Any = Workspace.create(str(folder))
        found = [one for one in self._workspace.list_projects() if one.name == project]
        self._project: Any = found[0] if found else self._workspace.create_project(project)
        self._fed = folder / "fed.txt"
        self._has_panels = bool(found)

    def feed(self, decisions: Sequence[Decision]) -> int:
        """Add the windows that are not there yet, and return how many."""
        fed = set(self._fed.read_text(encoding="utf-8").split()) if self._fed.exists() else set()
        versions = {version: number for number, version in enumerate(_in_order(decisions), start=1)}
        new = [one for one in decisions if one.window not in fed]
        for one in new:
            self._workspace.add_run(self._project.id, _run_of(one, versions), include_data=False)
            with self._fed.open("a", encoding="utf-8") as file:
                file.write(f"{one.window}\n")
        if decisions and not self._has_panels:
            self._add_panels(sorted({label for one in decisions for label in one.shares})[:8])
        return len(new)

    def _add_panels(self, labels: Sequence[str]) -> None:
        from evidently.sdk.models import PanelMetric
        from evidently.sdk.panels import line_plot_panel

        shares = ("Share of the commonest labels", tuple(f"label {label}" for label in labels))
        for title, columns in (*_PANELS, shares):
            values = [PanelMetric(legend=name, metric="MeanValue", metric_labels={"column": name}) for name in columns]
            if values:
                self._project.dashboard.add_panel(line_plot_panel(title=title, values=values), tab="Drift")
        self._project.save()
        self._has_panels = True

    def serve(self, port: int, refresh: Callable[[], Sequence[Decision]], *, every: float = REFRESH_SECONDS) -> int:
        """Run Evidently's server on this machine alone until it ends, and feed it new windows meanwhile."""
        program = Path(sys.executable).with_name("evidently")
        command = [str(program), "ui", "--workspace", str(self.folder), "--host", HOST, "--port", str(port)]
        server = subprocess.Popen(command, env={**os.environ, **_NO_TRACKING})
        try:
            while server.poll() is None:
                time.sleep(every)
                n_new = self.feed(refresh())
                if n_new:
                    _log.info("%d new windows in the dashboard", n_new)
            return int(server.returncode)
        finally:
            server.terminate()
            server.wait(timeout=10)


def _run_of(decision: Decision, versions: dict[str, int]) -> Any:
    """Return a window's numbers as a run of one row: such a run needs no class of ours to be read again."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import MeanValue

    numbers = numbers_of(decision, versions)
    table = pd.DataFrame({name: [value] for name, value in numbers.items()})
    data = Dataset.from_pandas(table, DataDefinition(numerical_columns=list(numbers)))
    return Report([MeanValue(column=name) for name in numbers]).run(
        data, None, timestamp=decision.facts.current_to, name=decision.window, tags=[decision.action]
    )


def numbers_of(decision: Decision, versions: dict[str, int]) -> dict[str, float]:
    """Return what the panels show of a window; what is not known is left out."""
    level = decision.budget.level if decision.budget else decision.alpha
    numbers = {
        "drift score": drift_score(decision),
        "alarm bound": -math.log10(level),
        "alarms": float(len(decision.alarms)),
        "version": float(versions[decision.facts.version]),
    }
    if decision.budget is not None:
        numbers["budget spent, %"] = 100 * decision.budget.spent
    accuracy = decision.harm.accuracy if decision.harm else None
    if accuracy is not None:
        numbers |= {"accuracy": accuracy.value, "accuracy, low": accuracy.low, "accuracy, high": accuracy.high}
    for one in decision.findings:
        if one.name == "out_of_scope":
            numbers["out of scope"] = one.effect
    return numbers | {f"label {label}": share for label, share in decision.shares.items()}


def _in_order(decisions: Iterable[Decision]) -> list[str]:
    return list(dict.fromkeys(one.facts.version for one in decisions))
