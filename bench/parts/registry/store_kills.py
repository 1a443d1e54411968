"""Trials of the registry under kill -9 of the store: whatever it had acknowledged is there when it comes back.

Each trial returns what it counted. What must hold is asserted by its caller.
"""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.parts.registry.place import Place, contents, make_bundle, promote, publish
from fsl.errors import FslError
from fsl.store.aliases import Move, current_move, read_moves
from fsl.store.embedded.server import EmbeddedServer
from fsl.store.errors import StoreError
from fsl.store.registry import Registry, fetch_version


@dataclass(frozen=True)
class StoreKills:
    """What was left of what the store had acknowledged, after it had been killed during writes."""

    n_kills: int
    n_versions: int  # acknowledged
    n_moves: int  # acknowledged
    n_refusals: int  # errors that writers met, each of which said that another try can help
    refusals: tuple[str, ...]  # their kinds
    faults: tuple[str, ...]  # what was lost, torn, or refused for good


def kill_store(server: EmbeddedServer, bucket: str, folder: Path, *, n_kills: int, n_writers: int = 3) -> StoreKills:
    """Kill the store again and again during publications, and look for what it had acknowledged."""
    endpoint = server.start()
    place = Place(endpoint.url, bucket, endpoint.credentials).fresh()
    place.open().store.ensure_bucket()
    writers = [_Writer(place.open(), n, folder / f"writer-{n}") for n in range(n_writers)]
    done = threading.Event()
    with ThreadPoolExecutor(n_writers) as pool:
        running = [pool.submit(writer.write_until, done) for writer in writers]
        try:
            for _ in range(n_kills):
                _wait_for_writes(writers, running)
                os.kill(endpoint.pid, signal.SIGKILL)
                psutil.Process(endpoint.pid).wait(10)
                again = server.start()
                assert again.url == place.url, "the server came back at another address"
                endpoint = again
            _wait_for_writes(writers, running)
        finally:
            done.set()
        for one in running:
            one.result()
    faults = [fault for writer in writers for fault in writer.lost()]
    return StoreKills(
        n_kills,
        sum(len(writer.versions) for writer in writers),
        sum(len(writer.moves) for writer in writers),
        sum(len(writer.refusals) for writer in writers),
        tuple(sorted({type(error).__name__ for writer in writers for error in writer.refusals})),
        tuple(faults + [str(error) for writer in writers for error in writer.refusals if not error.retryable]),
    )


@dataclass
class _Writer:
    """Publishes versions one after the other, and moves an alias of its own to each."""

    registry: Registry
    number: int
    folder: Path
    versions: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    refusals: list[FslError] = field(default_factory=list)

    def write_until(self, done: threading.Event) -> None:
        while not done.is_set():
            self._write(f"w{self.number}-{len(self.versions)}", done)

    def _write(self, version: str, done: threading.Event) -> None:
        """Publish and promote one version, however often the store is away meanwhile."""
        bundle = make_bundle(self.folder / version, version)
        while not done.is_set():
            try:
                if version not in self.versions:
                    publish(self.registry, bundle, version)
                    self.versions.append(version)
                seen = current_move(self.registry, self.alias)
                if seen is not None and seen.version == version:
                    return  # it was made, and the answer was lost
                self.moves.append(promote(self.registry, version, seen, alias=self.alias))
                return
            except StoreError as error:
                self.refusals.append(error)
                if not error.retryable:
                    return
                done.wait(0.2)

    @property
    def alias(self) -> str:
        return f"champion-{self.number}"

    def lost(self) -> Iterator[str]:
        """Yield what was acknowledged and is not there, whole."""
        chain = read_moves(self.registry, self.alias)
        yield from (f"move {move.seq} of {self.alias} is gone" for move in self.moves if move not in chain)
        for version in self.versions:
            try:
                with tempfile.TemporaryDirectory() as cache:
                    found = contents(fetch_version(self.registry, version, Path(cache)))
                if found != contents(self.folder / version):
                    yield f"{version} is torn"
            except FslError as error:
                yield f"{version}: {error}"


def _wait_for_writes(writers: list[_Writer], running: list[Future[None]], *, n: int = 3) -> None:
    """Wait until every writer has published so many versions more."""
    wanted = [len(writer.versions) + n for writer in writers]
    while any(len(writer.versions) < least for writer, least in zip(writers, wanted, strict=True)):
        for one in running:
            if one.done():
                one.result()
        time.sleep(0.02)
