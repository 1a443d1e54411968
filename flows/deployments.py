"""Every deployment: one for each flow, for all projects of a store, with the schedules and triggers of their configs.

How they are served is `flows.worker`'s. A run may be started twice by an orchestrator that restarts; the claims of
`tasks.turns` see to it that the work is done once, so no limit of Prefect's is needed, whose lease would outlive a
killed worker by minutes.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from prefect.schedules import Cron, Schedule

from flows.events import triggers_of
from fsl.config import RunConfig
from fsl.scheduling.schedules import spread

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment
    from prefect.flows import Flow

FLOWS = ("cycle", "drift", "housekeeping", "ingest", "promote", "retrain", "rollback", "watch")
SCHEDULED = ("cycle", "drift", "housekeeping", "ingest", "retrain", "watch")
DEPLOYMENTS = tuple(f"{name}/{name}" for name in FLOWS)
TAG = "fsl"


def find_flow(name: str) -> "Flow[Any, Any]":
    """Return a flow by its name. Its module is imported now."""
    from importlib import import_module

    found: Flow[Any, Any] = getattr(import_module(f"flows.{name}"), name)
    return found


def build_deployments(configs: Sequence[RunConfig] = ()) -> "list[RunnerDeployment]":
    """Return all deployments.

    Args:
        configs: of the projects whose schedules and further triggers they carry.
    """
    return [
        find_flow(name).to_deployment(
            name, tags=[TAG], triggers=list(triggers_of(name, configs)), schedules=schedules_of(name, configs)
        )
        for name in FLOWS
    ]


def schedules_of(flow: str, configs: Iterable[RunConfig]) -> list[Schedule]:
    """Return when a flow runs by itself, for each project that says so."""
    return [schedule for config in configs if (schedule := _schedule_of(flow, config)) is not None]


def _schedule_of(flow: str, config: RunConfig) -> Schedule | None:
    line: str | None = getattr(config.schedule, flow, None) if flow in SCHEDULED else None
    if line is None:
        return None
    parameters = {"project": config.project} | ({"reason": "the schedule"} if flow == "retrain" else {})
    return Cron(
        spread(line, config.project, flow, jitter_minutes=config.schedule.jitter_minutes),
        timezone=config.schedule.timezone,
        parameters=parameters,
        slug=f"{config.project}-{flow}",
    )
