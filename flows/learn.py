"""The learn flow: a retrain's slow steps alone, for a work pool of machines where training pays, such as one with GPUs.

A project names the pool in `deploy.training_pool`; without it, its retrains train where they run. What is trained
travels through the store, under the retrain's key, so the machine that trains needs nothing of the one that waits.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from prefect import flow
from prefect.context import FlowRunContext
from pydantic import Field

from flows.parameters import ProjectName
from fsl.errors import FslError
from tasks.learning import adapt_student, adapt_teacher
from tasks.resources import project_of
from tasks.turns import sign_of_life

RetrainKey = Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$", description="Names what is trained and from what.")]


@dataclass(eq=False)
class NobodyTrains(FslError):
    """The pool did not train in time."""

    pool: str
    minutes: float
    state: str

    def __str__(self) -> str:
        return (
            f"the work pool {self.pool} (`deploy.training_pool`) did not train within {self.minutes:g} minutes: its "
            f"run was {self.state}, and was cancelled. Nothing was lost; the next retrain goes on from here. A worker "
            f"for it: FSL_WORKER_POOL={self.pool} python -m flows.worker. Without the key, a retrain trains itself."
        )


@dataclass(eq=False)
class TrainingFailed(FslError):
    """The pool's run failed."""

    pool: str
    state: str
    message: str

    def __str__(self) -> str:
        return (
            f"the training in the work pool {self.pool} ended as {self.state}: {self.message} What was finished is "
            f"kept; the next retrain goes on from there."
        )


@flow(name="learn", flow_run_name="learn {project}", persist_result=True, result_serializer="json")
def learn(project: ProjectName, key: RetrainKey) -> dict[str, Any]:
    """Adapt the teacher and distil the student of a retrain that waits for it; not meant to be started by hand.

    Args:
        project: the project's name, as in its fsl.yaml.
        key: names what is trained and from what.
    """
    with sign_of_life(project):
        adapt_teacher(project, key)
        adapt_student(project, key)
        return {"key": key}


def train_elsewhere(project: str, key: str) -> bool:
    """Have the models trained in the project's pool, where it names one; return whether it does.

    A run at the command line trains here: it has no server that other machines see.

    Raises:
        NobodyTrains, TrainingFailed
    """
    deploy = project_of(project).config.deploy
    context = FlowRunContext.get()
    if deploy.training_pool is None or context is None or context.flow_run is None:
        return False
    if context.flow_run.deployment_id is None:
        return False
    from prefect.client.orchestration import get_client
    from prefect.deployments import run_deployment
    from prefect.states import Cancelling

    run = run_deployment(
        f"learn/{deploy.training_pool}",
        parameters={"project": project, "key": key},
        timeout=60 * deploy.training_wait_minutes,
        poll_interval=2,
    )
    state = run.state
    if not state.is_final():
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, Cancelling(), force=True)
        raise NobodyTrains(deploy.training_pool, deploy.training_wait_minutes, state.name.lower())
    if not state.is_completed():
        raise TrainingFailed(deploy.training_pool, state.name, (state.message or "it gave no reason.")[:2000])
    return True
