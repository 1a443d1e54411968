"""What every task needs: the project it works on, what may be retried, and progress that a person can see."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext, TaskRunContext

from fsl.errors import FslError
from fsl.project import Project, open_project

RETRIES: dict[str, Any] = {"retries": 3, "retry_delay_seconds": [2, 10, 60], "retry_jitter_factor": 0.5}


def is_transient(task: Any, run: Any, state: Any) -> bool:
    """Only what says of itself that trying again can help is tried again; a bug or a bad row is not."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, FslError) and error.retryable


def project_of(name: str) -> Project:
    """Open the project a task works on, in the store that the environment names."""
    return open_project(name)


@contextmanager
def reported_progress(key: str, description: str) -> Iterator[Callable[[float], None]]:
    """Give a function that shows the share that is done on the run's page. Outside a run it does nothing."""
    if TaskRunContext.get() is None:
        yield lambda share: None
        return
    artifact = create_progress_artifact(progress=0.0, key=key, description=description)
    last = time.monotonic()

    def report(share: float) -> None:
        nonlocal last
        # One update a second is plenty for a person, and costs the training nothing.
        if time.monotonic() - last >= 1.0:
            update_progress_artifact(artifact, progress=round(100.0 * share, 1))
            last = time.monotonic()

    yield report
    update_progress_artifact(artifact, progress=100.0)


def steps(n: int) -> Callable[[str], None]:
    """Return a function that says on the run's page which of a flow's steps are done. Outside a run it does nothing."""
    if FlowRunContext.get() is None:
        return lambda words: None
    artifact = create_progress_artifact(progress=0.0, key="steps", description=f"0 of {n} steps")
    done = 0

    def step(words: str) -> None:
        nonlocal done
        done += 1
        update_progress_artifact(artifact, progress=100.0 * done / n, description=f"{done} of {n} steps: {words}")

    return step
