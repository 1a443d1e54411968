"""Every deployment: one for each flow, for all projects of a store, with the schedules and triggers of their configs.

How they reach a Prefect server is `flows.server.registering`'s, and what runs them is `flows.worker`'s. A run may be
started twice by an orchestrator that restarts; the claims of `tasks.turns` see to it that the work is done once, so no
limit of Prefect's is needed, whose lease would outlive a killed worker by minutes.
"""

import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import version as distribution_version
from typing import TYPE_CHECKING, Any

from prefect.flows import EntrypointType
from prefect.schedules import Cron, Schedule

from flows.events import triggers_of
from fsl.config import RunConfig
from fsl.config.file import as_yaml
from fsl.scheduling.schedules import spread
from fsl.scheduling.silence import SCHEDULED

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment
    from prefect.flows import Flow

FLOWS = ("cycle", "drift", "housekeeping", "ingest", "promote", "retrain", "rollback", "watch")
DEPLOYMENTS = tuple(f"{name}/{name}" for name in FLOWS)
TAG = "fsl"
REGISTRATION = "1"  # raise it when deployments or automations of the same configs would be others


def find_flow(name: str) -> "Flow[Any, Any]":
    """Return a flow by its name. Its module is imported now."""
    from importlib import import_module

    found: Flow[Any, Any] = getattr(import_module(f"flows.{name}"), name)
    return found


def build_deployments(configs: Sequence[RunConfig] = (), *, pool: str) -> "list[RunnerDeployment]":
    """Return all deployments. A worker finds the flows by their modules, so it needs fsl installed and no checkout.

    Args:
        configs: of the projects whose schedules and further triggers they carry.
        pool: the work pool that runs them.
    """
    version = version_of(configs, pool)
    by_module: dict[str, Any] = {"tags": [TAG], "version": version, "entrypoint_type": EntrypointType.MODULE_PATH}
    every = [
        find_flow(name).to_deployment(
            name,
            triggers=list(triggers_of(name, configs)),
            schedules=schedules_of(name, configs),
            work_pool_name=pool,
            **by_module,
        )
        for name in FLOWS
    ]
    learn = find_flow("learn")  # one for each pool that a project has its models trained in
    return every + [learn.to_deployment(name, work_pool_name=name, **by_module) for name in pools_to_train_in(configs)]


def version_of(configs: Iterable[RunConfig], pool: str) -> str:
    """Return what names a registration: the same configs, pool and fsl give the same deployments."""
    parts = [distribution_version("fsl"), REGISTRATION, pool, *sorted(as_yaml(config) for config in configs)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def pools_to_train_in(configs: Iterable[RunConfig]) -> tuple[str, ...]:
    """Return the pools that projects have their models trained in."""
    return tuple(sorted({str(config.deploy.training_pool) for config in configs if config.deploy.training_pool}))


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
