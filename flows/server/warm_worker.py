"""A worker of Prefect's process pools that starts runs within a moment: by a fork of a process that is warm.

Prefect's own starts a new Python for each run, which imports Prefect, pandas and the flows anew: three to five seconds
of a core, longer than most runs of an ingest take. Here that is imported once. Runs are processes of their own as
before, and what is killed, cancelled or crashed is told by Prefect's own code.
"""

import multiprocessing
import os
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from typing import Any

import anyio
import anyio.abc
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_flow_run
from prefect.runner._flow_run_executor import FlowRunExecutorContext
from prefect.runner._process_manager import ProcessHandle
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker, ProcessWorkerResult

# What trains is among it, and holds 240 MB between retrains: a head refit takes seconds, and would import for five.
WARM = [
    "prefect.engine",
    "prefect.flow_engine",
    "flows.cycle",
    "flows.housekeeping",
    "flows.learn",
    "flows.promote",
    "flows.rollback",
    "flows.server.warm_worker",
    "boto3",
    "great_expectations",
    "pyarrow.parquet",
    "peft",
    "transformers.trainer",
]


class WarmWorker(ProcessWorker):  # type: ignore[misc]  # the types of Prefect are skipped
    """A worker for pools of the type `process`, beside which Prefect's own may serve the same pool."""

    async def run(
        self,
        flow_run: FlowRun,
        configuration: ProcessJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> ProcessWorkerResult:
        """Run a flow in a fork of the warm process, and wait for its end."""
        async with FlowRunExecutorContext() as context:
            starter = ForkStarter(configuration.env, context.control_channel)
            executor = context.create_executor(
                flow_run, starter, resolve_flow=load_flow_from_flow_run, propose_submitting=False
            )
            ended: list[Any] = []

            async def execute(*, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED) -> None:
                ended.append(await executor.submit(task_status=task_status))

            async with anyio.create_task_group() as group:
                handle = await group.start(execute)
                if task_status is not None:
                    task_status.started(handle.pid)
        if not ended or ended[0] is None or ended[0].status_code is None:
            raise RuntimeError("the process of the run could not be started")
        return ProcessWorkerResult(status_code=ended[0].status_code, identifier=str(handle.pid))


class ForkStarter:
    """Starts one run; in the place of Prefect's `EngineCommandStarter`."""

    def __init__(self, environment: Mapping[str, str | None], control_channel: Any) -> None:
        self.environment, self.control_channel = environment, control_channel

    async def start(
        self, flow_run: FlowRun, task_status: anyio.abc.TaskStatus[ProcessHandle] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Start it, say so, and return when it has ended."""
        environment = {
            **{name: value for name, value in self.environment.items() if value is not None},
            "PREFECT__FLOW_RUN_ID": str(flow_run.id),
            "PREFECT__ENABLE_CANCELLATION_AND_CRASHED_HOOKS": "false",
            **self._control(flow_run),
        }
        process = warm_context().Process(target=run_engine, args=(environment,), name=flow_run.name)
        await anyio.to_thread.run_sync(process.start)
        task_status.started(ProcessHandle(process))
        await anyio.to_thread.run_sync(process.join, abandon_on_cancel=True)

    def _control(self, flow_run: FlowRun) -> dict[str, str]:
        """Return how the run hears that it is cancelled."""
        try:
            port, token = self.control_channel.register(flow_run.id)
        except RuntimeError:  # no listener: a run is then cancelled by a signal alone, as with Prefect's own
            return {}
        return {"PREFECT__CONTROL_PORT": str(port), "PREFECT__CONTROL_TOKEN": token}


def warm_context() -> ForkServerContext:
    """Return what forks the warm process. The first process that is started by it warms it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(WARM)
    return context


def warm_up() -> None:
    """Import everything now, so that the first run need not wait for it."""
    process = warm_context().Process(target=_nothing)
    process.start()
    process.join()


def run_engine(environment: Mapping[str, str]) -> None:
    """Do what `python -m prefect.engine` does, in this process, which is a fork for one run."""
    import runpy

    import prefect.engine

    from flows.server.settings import without_heartbeats

    os.environ.update(environment)
    with without_heartbeats():
        runpy.run_path(str(prefect.engine.__file__), run_name="__main__")


def _nothing() -> None:
    """Show that the warm process is there."""
