"""What dies is started again, later each time and not for ever; what is stopped leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from flows.up import processes
from flows.up.parts import Part
from flows.up.state import GAVE_UP, HEALTHY, read_state, supervising
from flows.up.supervisor import DEATHS_ALLOWED, Supervisor, end_left_overs

SLEEP = "import time; time.sleep(600)"
# A child in a session of its own, as a worker's runs may be.
WITH_CHILD = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{SLEEP}'], start_new_session=True); {SLEEP}"
)


@pytest.fixture
def mark() -> Iterator[str]:
    """A mark; whatever carries it at the end of a test is ended."""
    made = processes.new_mark()
    yield made
    processes.end(processes.find_marked(made), seconds=1)


def part(folder: Path, name: str, code: str, fault: Callable[[], str | None] = lambda: None) -> Part:
    def start(mark: str) -> psutil.Process:
        command = (sys.executable, "-S", "-c", code)
        return processes.start(command, dict(os.environ), folder / f"{name}.log", mark=mark)

    return Part(name, fault, start, log=str(folder / f"{name}.log"))


def supervisor(folder: Path, mark: str, *parts: Part) -> tuple[Supervisor, list[str]]:
    told: list[str] = []
    return Supervisor(parts, folder, mark=mark, api="", pool="fsl", tell=told.append), told


def begin(watched: Supervisor) -> None:
    watched.tick(now=0.0)  # starts
    watched.tick(now=0.1)  # checks


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_part_that_is_killed_is_started_again_and_what_it_left_behind_is_ended(tmp_path: Path, mark: str) -> None:
    watched, told = supervisor(tmp_path, mark, part(tmp_path, "worker", WITH_CHILD))
    begin(watched)
    (first,) = [one.process for one in watched.state.parts]
    assert first is not None
    wait_until(lambda: len(processes.find_marked(mark)) == 2)
    (child,) = [one for one in processes.find_marked(mark) if one.pid != first.pid]

    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(first.pid) or psutil.Process(first.pid).status() == "zombie")
    watched.tick(now=1.0)
    watched.tick(now=2.5)

    (again,) = watched.state.parts
    assert again.process is not None
    assert (again.process.pid != first.pid, again.n_restarts) == (True, 1)
    assert not processes.lives(child)
    assert told[1] == "worker: it ended. It is started again in 1 s"

    watched.stop()
    assert processes.find_marked(mark) == []


def test_a_part_that_dies_at_once_waits_longer_each_time_and_is_given_up_aloud(tmp_path: Path, mark: str) -> None:
    watched, told = supervisor(tmp_path, mark, part(tmp_path, "worker", "1/0", lambda: "not yet"))

    now = 0.0
    while not watched.given_up:
        now += 0.5
        watched.tick(now)
        wait_until(lambda: not processes.find_marked(mark))

    delays = [words.split()[-2] for words in told if "started again in" in words]
    assert delays == ["1", "2", "4", "8", "16"]
    assert told[-1].startswith(f"worker is not started again: it ended, for the {DEATHS_ALLOWED + 1}th time")
    assert "worker.log" in told[-1]
    assert "ZeroDivisionError" in (tmp_path / "worker.log").read_text()
    assert watched.state.parts[0].state == GAVE_UP


def test_a_part_that_lives_but_does_not_answer_is_ended_and_started_again(tmp_path: Path, mark: str) -> None:
    fault: list[str | None] = [None]
    watched, told = supervisor(tmp_path, mark, part(tmp_path, "prefect", SLEEP, lambda: fault[0]))
    begin(watched)
    assert watched.state.parts[0].state == HEALTHY

    fault[0] = "no answer: timed out"
    watched.tick(now=10.0)
    watched.tick(now=40.0)
    assert [one.state for one in watched.state.parts] == ["unwell"]
    watched.tick(now=75.0)

    assert told[1] == "prefect is unwell: no answer: timed out"
    assert told[2].startswith("prefect: it was unwell for 60 s (no answer: timed out), and was ended.")
    assert processes.find_marked(mark) == []


def test_a_part_is_not_ended_for_the_fault_of_another(tmp_path: Path, mark: str) -> None:
    fault: list[str | None] = [None]
    server = Part("prefect", lambda: fault[0])  # others run it
    started = part(tmp_path, "worker", SLEEP).start
    worker = Part("worker", lambda: fault[0] and "the server does not know it", started, blames=("prefect",))
    watched, told = supervisor(tmp_path, mark, server, worker)
    begin(watched)

    fault[0] = "no answer"
    for now in (10.0, 60.0, 200.0, 400.0):
        watched.tick(now)

    assert [one.state for one in watched.state.parts] == ["unwell", "unwell"]
    assert not [words for words in told if "ended" in words]
    fault[0] = None
    watched.tick(now=410.0)
    assert [(one.state, one.n_restarts) for one in watched.state.parts] == [("healthy", 0), ("healthy", 0)]


def test_a_part_waits_for_those_that_it_needs(tmp_path: Path, mark: str) -> None:
    fault: list[str | None] = ["not yet"]
    first = part(tmp_path, "prefect", SLEEP, lambda: fault[0])
    second = Part("worker", lambda: None, part(tmp_path, "worker", SLEEP).start, needs=("prefect",))
    watched, _ = supervisor(tmp_path, mark, first, second)

    begin(watched)
    assert [(one.state, one.why) for one in watched.state.parts][1] == ("waiting", "for prefect")
    fault[0] = None
    watched.tick(now=1.0)

    assert [one.state for one in watched.state.parts] == ["healthy", "starting"]


def test_what_a_killed_supervisor_left_is_known_by_its_mark_and_others_are_left_alone(
    tmp_path: Path, mark: str
) -> None:
    watched, _ = supervisor(tmp_path, mark, part(tmp_path, "worker", WITH_CHILD))
    begin(watched)
    wait_until(lambda: len(processes.find_marked(mark)) == 2)
    stranger = processes.start((sys.executable, "-S", "-c", SLEEP), dict(os.environ), tmp_path / "log", mark="other")

    state = read_state(tmp_path)
    assert state is not None
    assert end_left_overs(state) == 2

    assert processes.find_marked(mark) == []
    assert stranger.is_running()
    processes.end([stranger])


def test_a_process_that_was_given_the_same_id_later_is_another_one() -> None:
    me = processes.ProcessRecord.of(psutil.Process())

    assert processes.find(me) is not None
    assert processes.find(processes.ProcessRecord(me.pid, me.started - 3600)) is None


def test_a_state_that_is_cut_off_or_foreign_says_nothing(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"mark": "a", "parts": [{"name": 1}]}'):
        (tmp_path / "state.json").write_text(text)
        assert read_state(tmp_path) is None


def test_one_supervises_and_the_second_is_told_who(tmp_path: Path) -> None:
    from flows.up.errors import UpAlready

    folder = tmp_path / "project" / ".fsl" / "up"
    again = supervising(folder)
    with supervising(folder), pytest.raises(UpAlready, match=r"runs already for .*project .*fsl status"):
        again.__enter__()
    with supervising(folder):
        pass


def test_a_zombie_that_its_parent_does_not_ask_after_is_not_waited_for(mark: str) -> None:
    # Not a shell: one that gets the news of its child's end before it execs asks after it.
    program = (
        "import subprocess, time; child = subprocess.Popen(['sleep', '120']); print(child.pid, flush=True);"
        " time.sleep(120)"
    )
    with subprocess.Popen(
        (sys.executable, "-c", program), stdout=subprocess.PIPE, text=True, env={**os.environ, processes.MARK: mark}
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        try:
            began = time.monotonic()
            processes.end([child], seconds=40)

            assert child.status() == psutil.STATUS_ZOMBIE
            assert time.monotonic() - began < 20
        finally:
            parent.kill()
