"""What every task needs: the project it works on, what may be retried, and progress that a person can see."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import Queue
from threading import Thread
from typing import Any

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import FlowRunContext, TaskRunContext

from fsl.errors import FslError
from fsl.project import Project, open_project

log = logging.getLogger(__name__)

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
    shown = ShownProgress(key, description)
    last = time.monotonic()

    def report(share: float) -> None:
        nonlocal last
        # One update a second is plenty for a person, and costs the training nothing.
        if time.monotonic() - last >= 1.0:
            shown.show(round(100.0 * share, 1), description)
            last = time.monotonic()

    yield report
    shown.show(100.0, description)


def steps(n: int) -> Callable[[str], None]:
    """Return a function that says on the run's page which of a flow's steps are done. Outside a run it does nothing."""
    if FlowRunContext.get() is None:
        return lambda words: None
    shown = ShownProgress("steps", f"0 of {n} steps")
    done = 0

    def step(words: str) -> None:
        nonlocal done
        done += 1
        shown.show(100.0 * done / n, f"{done} of {n} steps: {words}")

    return step


class ShownProgress:
    """Progress on the run's page, told by a thread of its own, so that no work waits for the server.

    Prefect's server on SQLite answers a write that meets another one with 503, and its client then waits two seconds
    or more. Where the thread cannot keep up, only the latest is told; where the server is away, nothing is.
    """

    def __init__(self, key: str, description: str) -> None:
        self._latest: Queue[tuple[float, str]] = Queue()
        context = copy_context()  # of the run that it is shown with
        self.thread = Thread(target=context.run, args=(self._tell, key, description), name=f"shows {key}", daemon=True)
        self.thread.start()

    def show(self, progress: float, description: str) -> None:
        """Show this next, in per cent. It returns at once."""
        self._latest.put((progress, description))

    def _tell(self, key: str, description: str) -> None:
        try:
            artifact = create_progress_artifact(progress=0.0, key=key, description=description)
            progress = 0.0
            while progress < 100.0:
                progress, description = self._latest.get()
                while not self._latest.empty():
                    progress, description = self._latest.get()
                update_progress_artifact(artifact, progress=progress, description=description)
        except Exception as error:  # whatever it is: the work is what counts, and it goes on
            log.info("the progress of %s is not shown any more: %s", key, error)
