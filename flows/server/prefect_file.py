"""The same deployments as a file for Prefect's own command: `prefect deploy --all --prefect-file FILE`.

`deploy/prefect.yaml` is written by hand and has what every project has. What projects' configs add, their schedules and
further triggers, is in the file that `fsl deploy --prefect-file FILE` writes.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from flows.events import triggers_of
from flows.server.deployments import FLOWS, TAG, find_flow, pools_to_train_in, schedules_of
from fsl.config import RunConfig

HEAD = """# Written by `fsl deploy --prefect-file`, for these projects: {projects}. Write it anew when a config changes.
#
#   prefect work-pool create {pool} --type process
#   prefect --no-prompt deploy --all --prefect-file {file}
"""


def render(configs: Sequence[RunConfig], *, pool: str, file: str) -> str:
    """Return the file's text."""
    head = HEAD.format(projects=", ".join(config.project for config in configs) or "none", pool=pool, file=file)
    entries = [_entry(name, configs, pool) for name in FLOWS]
    entries += [_entry("learn", (), place) | {"name": place} for place in pools_to_train_in(configs)]
    document = {"name": "fsl", "pull": [], "deployments": entries}
    return head + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _entry(name: str, configs: Sequence[RunConfig], pool: str) -> dict[str, Any]:
    summary = (find_flow(name).fn.__doc__ or "").strip().partition("\n")[0]
    triggers = [
        {
            "type": "event",
            "name": trigger.name,
            "enabled": True,
            "expect": sorted(trigger.expect),
            "match": dict(trigger.match.root),
            "threshold": trigger.threshold,
            "within": trigger.within.total_seconds(),
            "parameters": trigger.parameters,
        }
        for trigger in triggers_of(name, configs)
    ]
    schedules = [
        {"cron": one.cron, "timezone": one.timezone, "parameters": one.parameters, "slug": one.slug}
        for one in schedules_of(name, configs)
    ]
    return {
        "name": name,
        # By its module, so that a worker needs fsl installed and no checkout.
        "entrypoint": f"flows.{name}.{name}",
        "description": summary,
        "tags": [TAG],
        "work_pool": {"name": pool},
        "schedules": schedules,
        "triggers": triggers,
    }
