"""What the registry costs: seconds and requests of a publication and of a load, requests and bytes of a whole cycle.

Seconds are taken at the embedded server on the loopback, with nothing in between; requests are counted by a proxy in
runs of their own. Prices are those of Amazon S3 Standard in us-east-1, for requests alone; storage and traffic to other
regions come on top.
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.cells import Facts
from bench.loop import QUICK, run_days
from bench.parts.network.faults import FaultyProxy, Request, faulty
from bench.parts.registry.place import Place, promote_next, publish
from fsl.store.aliases import current_move
from fsl.store.embedded.server import Endpoint
from fsl.store.registry import fetch_version
from fsl.workspace import init_workspace

# US dollars a request: https://aws.amazon.com/s3/pricing/, S3 Standard, us-east-1. Deletions are free.
WRITE_PRICE = 0.005 / 1000  # PUT, COPY, POST, LIST
READ_PRICE = 0.0004 / 1000  # GET and all others
FILES = {  # of an int8 MiniLM-L6 bundle, bytes
    "encoder.onnx": 22_900_000,
    "tokenizer.json": 712_000,
    "head.onnx": 120_000,
    "bundle.json": 4_000,
    "README.md": 5_000,
}
N_ROUNDS = 20


@dataclass(frozen=True)
class Traffic:
    """What passed a proxy."""

    n_requests: int
    n_writes: int  # PUT, POST and listings, which cost the same
    n_reads: int
    n_bytes_up: int
    n_bytes_down: int

    @property
    def dollars(self) -> float:
        return self.n_writes * WRITE_PRICE + self.n_reads * READ_PRICE


def measure_publication(place: Place) -> Facts:
    """Publish a 25 MB bundle, then versions that differ from it in their card alone."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = _bundle(Path(scratch))
        registry = place.fresh().open()
        first = _seconds(lambda: publish(registry, folder, "v-0"))
        again = []
        for number in range(1, N_ROUNDS + 1):
            (folder / "README.md").write_text(f"# Version {number}\n")
            again.append(_seconds(lambda number=number: publish(registry, folder, f"v-{number}")))  # type: ignore[misc]
        with faulty(place.url) as proxy:
            publish(place.via(proxy.url).fresh().open(), folder, "v-0")
            counted = place.via(proxy.url).fresh().open()
            publish(counted, folder, "v-0")
            (folder / "README.md").write_text("# Another card\n")
            with _counting(proxy) as count:
                publish(counted, folder, "v-1")
    n_requests = count().n_requests
    return {
        "rows": [
            f"| publish a 24 MB bundle, nothing there yet | {first:.2f} s | | |",
            f"| publish it again with another card | {_in_words(again)} | {n_requests} | 0.5 s, 10 requests |",
        ],
        "first_seconds": first,
        "again_seconds": again,
        "again_requests": n_requests,
    }


def measure_load(place: Place) -> Facts:
    """Resolve the champion and load it: with an empty cache, with a warm one, and when it has not moved."""
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(scratch) / "cache"
        home = place.fresh()
        registry = home.open()
        publish(registry, _bundle(Path(scratch)), "v-0")
        known = promote_next(registry, "v-0")

        def load(known: object = None) -> None:
            move = current_move(registry, "champion", known=known)  # type: ignore[arg-type]
            assert move is not None
            fetch_version(registry, move.version, cache)

        cold = _seconds(load)
        warm = [_seconds(lambda: load(known)) for _ in range(N_ROUNDS)]
        with faulty(place.url) as proxy:
            registry = home.via(proxy.url).open()
            load(known)  # fills this endpoint's own place in the cache
            with _counting(proxy) as count:
                load(known)
    n_requests = count().n_requests
    return {
        "rows": [
            f"| resolve the champion and load it, empty cache | {cold:.2f} s | | |",
            f"| the same, warm cache, not moved | {_in_words(warm)} | {n_requests} | 20 ms, 1 request |",
        ],
        "cold_seconds": cold,
        "warm_seconds": warm,
        "warm_requests": n_requests,
    }


def measure_cycle(endpoint: Endpoint, *, quick: bool) -> Facts:
    """Count what two days of a project ask of the store: intake, retrain, gate, promotion, served traffic, drift."""
    environment = QUICK if quick else {}
    keys = {
        "AWS_ACCESS_KEY_ID": endpoint.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": endpoint.credentials.secret_key,
    }
    stages: dict[str, Facts] = {}
    with tempfile.TemporaryDirectory() as scratch, faulty(endpoint.url) as proxy:
        cache = {"FSL_CACHE_DIR": str(Path(scratch) / "cache"), "FSL_STORE__ENDPOINT_URL": proxy.url}
        with _environment(environment | keys | cache):
            workspace = init_workspace(Path(scratch) / "project", "support-intents")
            for stage, _ in run_days(workspace, seed=0):
                stages[stage] = _facts(_traffic(proxy, proxy.seen))
                proxy.seen.clear()
                proxy.n_bytes_up = proxy.n_bytes_down = 0
    names = {
        "first": "day 1: intake, retrain, promotion",
        "drift": "600 texts served, drift",
        "second": "day 2: the same",
    }
    return {"rows": [], "cycle_rows": [_row(names[stage], facts) for stage, facts in stages.items()], "stages": stages}


def costs_words() -> str:
    """Return what a reader must know of the tables."""
    return (
        "Seconds on the loopback at the embedded server. Dollars are for requests alone, at the public rates of S3 "
        "Standard in us-east-1 (PUT and LIST 0.005 a thousand, GET 0.0004). The cycle is the template support-intents "
        "by library calls, with the packaged encoder; its first stage puts every blob there for the first time."
    )


def _bundle(scratch: Path) -> Path:
    folder = scratch / "bundle"
    folder.mkdir()
    for name, n_bytes in FILES.items():
        (folder / name).write_bytes(random.Random(name).randbytes(n_bytes))
    return folder


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _in_words(values: list[float]) -> str:
    median, low, high = (1000 * value for value in (statistics.median(values), min(values), max(values)))
    return f"{median:.0f} ms ({low:.0f}, {high:.0f})"


def _row(name: str, facts: Facts) -> str:
    moved = f"{facts['mb_up']:.1f} | {facts['mb_down']:.1f}"
    return f"| {name} | {facts['requests']} | {moved} | {facts['dollars']:.4f} |"


@contextmanager
def _counting(proxy: FaultyProxy) -> Iterator[Callable[[], Traffic]]:
    before = len(proxy.seen)
    yield lambda: _traffic(proxy, proxy.seen[before:])


def _traffic(proxy: FaultyProxy, requests: Collection[Request]) -> Traffic:
    n_writes = sum(request.method in ("PUT", "POST") or _is_listing(request) for request in requests)
    n_reads = sum(request.method in ("GET", "HEAD") and not _is_listing(request) for request in requests)
    return Traffic(len(requests), n_writes, n_reads, proxy.n_bytes_up, proxy.n_bytes_down)


def _is_listing(request: Request) -> bool:
    return request.method == "GET" and ("list-type=" in request.path or "uploads" in request.path)


def _facts(traffic: Traffic) -> Facts:
    return {
        "requests": traffic.n_requests,
        "writes": traffic.n_writes,
        "reads": traffic.n_reads,
        "mb_up": traffic.n_bytes_up / 1e6,
        "mb_down": traffic.n_bytes_down / 1e6,
        "dollars": traffic.dollars,
    }


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
