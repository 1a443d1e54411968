"""What Prefect is told, mostly by the environment. Imports nothing of it: it can be said before Prefect is imported."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOGGING = Path(__file__).parent / "logging.yml"

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_CONFIG_PATH": str(LOGGING),
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_PROMPT": "false",
}


def prefect_environment(state: Path) -> dict[str, str]:
    """Return what makes Prefect keep everything in one folder and tell nobody."""
    return {
        **QUIET,
        "PREFECT_HOME": str(state / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        # Each try waits twice as long as the one before: a server that is away for two minutes costs a run no more.
        "PREFECT_CLIENT_MAX_RETRIES": "7",
        "PREFECT_WORKER_HEARTBEAT_SECONDS": "15",
        # Longer than its clients keep a connection (25 s), so that none is closed under a request.
        "PREFECT_SERVER_API_KEEPALIVE_TIMEOUT": "65",
        # Threads that wait should sleep: beside other work on the same cores, spinning ones slow training manyfold.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def command_line_environment(state: Path) -> dict[str, str]:
    """Return the same for flows that a person runs at the command line.

    The library's lines are shown as they come. Prefect's own are not: an error is told once, by the command itself.
    """
    return {
        **prefect_environment(state),
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        # The server that a single flow starts takes 8 to 14 s; on a machine that does much else, 20 s were too few.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }


@contextmanager
def without_heartbeats() -> Iterator[None]:
    """Let runs that are started meanwhile send no heartbeats, which no variable of the environment can say.

    Prefect ends each flow, subflows too, by waiting for a thread that sleeps in whole seconds. What heartbeats are for,
    the signs of life of `tasks.turns` do: docs/decisions/0054-no-heartbeats.md.
    """
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
