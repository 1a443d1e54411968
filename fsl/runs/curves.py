"""Curves of a run's fits, kept beside its steps until the run is cleaned away; who draws them is
`fsl.learning.training.tracking`.

They are no part of a step: two runs of it give the same weights, but not the same times.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from fsl.learning.training.tracking import EVENTS, Track, tracking
from fsl.project import Project
from fsl.runs.steps import RetrainPlan
from fsl.store import layout

STEPS = ("teacher", "student")


@contextmanager
def kept_curves(project: Project, plan: RetrainPlan, step: str) -> Iterator[Track]:
    """Give a function that writes values down; what became a file is stored once the step's fits are over."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        kind = plan.config.learning.tracking
        with tracking(kind, folder, project=project.name, run=f"{plan.version} {step}") as track:
            yield track
        file = folder / EVENTS
        if file.is_file():
            project.store.put(_key(plan.key, step), file.read_bytes())


def fetch_curves(project: Project, retrain_key: str, folder: Path) -> list[Path]:
    """Write the event files of a run into a folder for each step, as TensorBoard reads them; none may be there."""
    found = []
    for step in STEPS:
        data = project.store.find(_key(retrain_key, step))
        if data is not None:
            (folder / step).mkdir(parents=True, exist_ok=True)
            found.append(folder / step / EVENTS)
            found[-1].write_bytes(data)
    return found


def _key(retrain_key: str, step: str) -> str:
    return layout.step(retrain_key, f"curves-{step}.tfevents")
