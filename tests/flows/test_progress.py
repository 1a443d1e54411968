"""Progress on the run's page is told beside the work: it gets there, and nobody waits for it."""

import socket
import time
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.resources import ShownProgress, steps


@flow
def two_steps() -> str:
    """Do nothing, in two steps."""
    step = steps(2)
    step("the first is done")
    step("the second is done")
    return str(flow_run.id)


def test_the_last_step_gets_to_the_page_of_its_run() -> None:
    run = UUID(two_steps())

    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    deadline = time.monotonic() + 30
    with get_client(sync_client=True) as client:
        while not [one for one in client.read_artifacts(artifact_filter=only) if one.data == 100.0]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (shown,) = client.read_artifacts(artifact_filter=only)
    assert (shown.key, shown.description) == ("steps", "2 of 2 steps: the second is done")


def test_a_server_that_does_not_answer_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{silent.getsockname()[1]}/api"}):
            shown = ShownProgress("teacher", "adapting the teacher")
        silent.accept()  # it is asked, and says nothing

        shown.show(50.0, "adapting the teacher")

        assert shown.thread.is_alive()  # it waits, and this test does not
