"""The process that does the work: `python -m flows.worker`, with the store and the server in the environment.

Flows take the project's name, so one worker serves any number of projects. What their configs say of schedules and
triggers is registered when it starts, and again when a config in the store changes or a project comes or goes.

| variable | what |
|---|---|
| `FSL_WORKER_LIMIT` | how many runs it holds at once; only one of them trains at a time |
| `FSL_WORKER_POOL` | the pool that it works for; default: `deploy.pool`. Another pool's worker registers nothing |
| `FSL_WORKER_NAME` | how it is called on Prefect's page |
"""

import asyncio
import logging
import os
import sys
import threading
import time

from flows.server.registering import PrefectAway, check_server, is_registered, register
from flows.server.warm_worker import WarmWorker, warm_up
from fsl.config import RunConfig
from fsl.config.file import default_config
from fsl.errors import FslError
from fsl.project import read_configs
from fsl.scheduling.claims import worker_name

log = logging.getLogger("fsl.worker")

DEFAULT_LIMIT = 6
SECONDS_BETWEEN_LOOKS = 30.0
SERVER_SECONDS = 120.0


def main() -> None:
    """Work until stopped."""
    config = default_config("any")
    pool = os.environ.get("FSL_WORKER_POOL") or config.deploy.pool
    limit = int(os.environ.get("FSL_WORKER_LIMIT", DEFAULT_LIMIT))
    warming = threading.Thread(target=warm_up)
    warming.start()
    wait_for_server()
    if pool == config.deploy.pool:
        configs = read_configs(config.store)
        if not is_registered(configs, pool=pool):
            register(configs, pool=pool)
        threading.Thread(target=keep_registered, args=(config, configs), daemon=True).start()
    warming.join()
    name = os.environ.get("FSL_WORKER_NAME") or worker_name()
    asyncio.run(WarmWorker(work_pool_name=pool, name=name, limit=limit).start(printer=log.info))


def wait_for_server() -> None:
    """Return when the server answers: it may have been started at the same moment. Raises PrefectAway, OtherPrefect."""
    deadline = time.monotonic() + SERVER_SECONDS
    while True:
        try:
            check_server()
            return
        except PrefectAway:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def keep_registered(config: RunConfig, known: tuple[RunConfig, ...]) -> None:
    """Register again whenever a config changes. What fails is tried again: the old registration holds meanwhile."""
    over = threading.Event()
    while not over.wait(SECONDS_BETWEEN_LOOKS):
        try:
            configs = read_configs(config.store)
            if configs != known:
                register(configs, pool=config.deploy.pool)
                log.warning("registered anew: %s", ", ".join(one.project for one in configs) or "no project")
                known = configs
        except FslError as error:
            log.warning("the configs could not be looked at: %s; trying again", error)
        except Exception:  # such as a Prefect server that is away
            log.exception("the configs could not be registered; trying again")


if __name__ == "__main__":
    try:
        main()
    except FslError as error:
        sys.exit(str(error))
