"""Prefect's server: a connection that waits for the write lock holds up nobody who has it."""

import subprocess
import sys
from pathlib import Path

import pytest

# As in the server: one thread is the event loop and holds the write lock; another waits for it in a connection whose
# last error lies in a ring, with the cursor that it came from.
STORY = """
import gc, sqlite3, sys, threading, time
from flows.server.prefect_server import collect_aside

path, aside = sys.argv[1], sys.argv[2] == "aside"
holder = sqlite3.connect(path, isolation_level=None)
holder.execute("PRAGMA journal_mode = WAL")
holder.execute("CREATE TABLE worker (name PRIMARY KEY)")
waiting = sqlite3.connect(path, timeout=4, isolation_level=None, check_same_thread=False)


def fail():
    cursor = waiting.cursor()
    cursor.execute("INSERT INTO worker VALUES ('one')")
    cursor.execute("INSERT INTO worker VALUES ('one')")


def leave_a_ring():
    try:
        fail()
    except sqlite3.IntegrityError as error:
        ring = [error]
        ring.append(ring)


def write():
    try:
        waiting.execute("INSERT INTO worker VALUES ('two')")
    except sqlite3.OperationalError as error:
        print(error)


gc.disable()
leave_a_ring()
holder.execute("BEGIN IMMEDIATE")
writer = threading.Thread(target=write)
writer.start()
time.sleep(0.5)
if aside:
    collect_aside()
else:
    gc.enable()
begun = time.monotonic()
while time.monotonic() - begun < 2:  # what a loop does: things come and go
    kept = [[] for _ in range(1000)]
holder.execute("COMMIT")
writer.join()
print(sorted(name for (name,) in holder.execute("SELECT name FROM worker")))
"""


@pytest.mark.parametrize(
    ("collector", "told"), [("aside", ["['one', 'two']"]), ("of its own", ["database is locked", "['one']"])]
)
def test_a_writer_that_waits_for_the_lock_gets_it_though_garbage_holds_its_cursor(
    tmp_path: Path, collector: str, told: list[str]
) -> None:
    # The second case is what happened before; where Python ends that trouble some day, the module can go.
    command = [sys.executable, "-c", STORY, str(tmp_path / "server.db"), collector]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.stderr == ""
    assert done.stdout.splitlines() == told
