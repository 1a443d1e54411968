"""The process that serves every deployment: `python -m flows.worker`, with the store and the server in the environment.

Flows take the project's name, so one worker serves any number of projects: those that have a config in the store when
it starts. `FSL_WORKER_LIMIT` says how many runs it holds at once; only one of them trains at a time.
"""

import os

from prefect import serve

from flows.deployments import DEPLOYMENTS, build_deployments
from fsl.config.file import default_config
from fsl.project import read_configs

__all__ = ["DEPLOYMENTS"]

DEFAULT_LIMIT = 6


def main() -> None:
    """Serve until stopped."""
    configs = read_configs(default_config("any").store)
    limit = int(os.environ.get("FSL_WORKER_LIMIT", DEFAULT_LIMIT))
    serve(*build_deployments(configs), limit=limit, print_starting_message=False)


if __name__ == "__main__":
    main()
