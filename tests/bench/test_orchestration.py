"""The parts of orchestration's benchmark that a run of hours relies on: its wire and its table."""

import socket
import threading
from collections.abc import Iterator

import pytest

from bench.parts.network.wire import Wire
from bench.parts.orchestration.tables import section


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back what it gets; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(
                target=lambda one=one: [one.sendall(data) for data in iter(lambda: one.recv(99), b"")]
            ).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def say(wire: Wire, words: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as one:
        one.sendall(words)
        return one.recv(99)


def test_a_wire_carries_until_it_is_cut_and_again_once_it_is_mended(echo: int) -> None:
    wire = Wire(echo)
    assert say(wire, b"hello") == b"hello"

    wire.cut()
    with pytest.raises(OSError, match=r"refused|reset"):
        say(wire, b"anybody?")

    wire.mend()
    assert say(wire, b"again") == b"again"


def test_a_frozen_wire_takes_everything_and_lets_it_through_when_it_thaws(echo: int) -> None:
    wire = Wire(echo)
    wire.freeze()
    with socket.create_connection(("127.0.0.1", wire.port), timeout=0.3) as one:
        one.sendall(b"hello")
        with pytest.raises(TimeoutError):
            one.recv(99)
        wire.mend()
        one.settimeout(5)
        assert one.recv(99) == b"hello"


def test_the_table_tells_what_each_trial_found_and_adds_up_the_kills() -> None:
    cells = {
        "overhead": {"seconds": {"bare": [10.0, 11.0], "cycle": [13.0, 13.0]}},
        "arrival": {"seconds": {"watcher": [7.0], "event": [3.0]}},
        "starts": {"batches": [0, 1], "retrains": {"promote": 1, "running elsewhere": 9}},
        "projects": {
            "n": 20,
            "done": 20,
            "seconds": 60.0,
            "overtaken": 3,
            "first_mb": 1.0,
            "last_mb": 2.0,
            "peak_mb": 3.0,
        },
        "outages": {
            "seconds": 60.0,
            "found": {
                "store gone": {"ended_itself": True, "faults": []},
                "network to both frozen": {"ended_itself": False, "faults": []},
                "Prefect server gone": {"ended_itself": True, "faults": ["there is no champion"]},
            },
        },
        "up": {"first": [20.0], "later": [12.0, 14.0], "back": {"store": 3.0, "worker": 8.0}, "left": 0},
        "kills-000": {"n": 10, "faults": {}, "places": {"in a": 10}, "machine": "a machine"},
        "kills-010": {"n": 10, "faults": {"13, at the start": ["the cycle did not end"]}, "places": {"in a": 10}},
    }

    table = section(cells, ["kills-020", "kills-030"])

    assert "| what the flow costs, pair by pair | 2.5 s (2.0 to 3.0, n = 2) | under 5 s |" in table
    assert "| `fsl up` to all healthy, after the first time | 13.0 s (12.0 to 14.0, n = 2) | under 30 s |" in table
    assert "| 20 done in 60 s, none overtaken by more than 3 that came later; 1 MB after the first, 2 MB after" in table
    assert "until all is healthy again | store 3 s, worker 8 s | restarted |" in table
    assert "| store gone for 60 s in the middle of a cycle | the run went on and ended right |" in table
    assert (
        "| network to both frozen for 60 s in the middle of a cycle | the run failed, and the next ended right |"
        in table
    )
    assert "| Prefect server gone for 60 s in the middle of a cycle | there is no champion |" in table
    assert (
        "| worker killed 20 times at moments of chance, each cycle started again | 19 ended right (20 in a) | all |"
        in table
    )
    assert "13, at the start: the cycle did not end" in table
    assert "Not measured yet: kills-020, kills-030." in table
    assert "Machine: a machine." in table
