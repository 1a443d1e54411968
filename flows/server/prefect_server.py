"""Prefect's own server, its garbage collected beside the event loop: `python -m flows.server.prefect_server start …`.

On SQLite, a server stood still for a minute now and then. An error of the database keeps the cursor that it came from,
in a ring that only the collector undoes. Where that ran on the event loop, it had to reset the cursor, and so to wait
for the cursor's connection, which another coroutine may have taken since and which may wait for the write lock: and
who held that could not go on, since the loop stood still. A thread that waits there holds nobody up.
"""

import gc
import sys
import threading
import time

SECONDS_BETWEEN = 1.0
LOOKS_OF_START = 30


def command(port: int) -> tuple[str, ...]:
    """Return the command that serves on loopback."""
    return (sys.executable, "-m", "flows.server.prefect_server", "start", "--host", "127.0.0.1", "--port", str(port))


def main() -> None:
    """Run `prefect server` with this command's arguments."""
    collect_aside()
    from prefect.cli import app

    sys.argv[1:1] = ["server"]
    app()


def collect_aside() -> threading.Thread:
    """Take garbage collection away from all threads of this process but one of its own, which is returned."""
    gc.disable()
    collector = threading.Thread(target=_collect_for_ever, name="garbage collector", daemon=True)
    collector.start()
    return collector


def _collect_for_ever() -> None:
    for _ in range(LOOKS_OF_START):
        time.sleep(SECONDS_BETWEEN)
        gc.collect(1)
    # What is there now stays. Looking at all of it takes tenths of a second, for which the loop would wait.
    gc.collect()
    gc.freeze()
    while True:
        time.sleep(SECONDS_BETWEEN)
        gc.collect()


if __name__ == "__main__":
    main()
