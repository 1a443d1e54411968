"""Trials of the registry under kill -9: of a publisher at every request in turn, and of the store during writes.

The publisher is a process of its own, killed by the proxy between it and the store, so that each kill falls exactly
before or behind one request. Each trial returns what it counted. What must hold is asserted by its caller.
"""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from bench.parts.network.faults import Cut, Fault, FaultyProxy, Request, faulty
from bench.parts.registry.place import ALIAS, Place, contents, make_bundle, promote_next, publish
from fsl.errors import FslError
from fsl.store import layout
from fsl.store.aliases import current_move
from fsl.store.cleaning import clean
from fsl.store.registry import Registry, fetch_version, list_versions, load_manifest

MAX_REQUESTS = 200  # of one publication; more means that it never ends
LARGE_BYTES = 9 << 20  # boto sends more than 8 MB in parts


@dataclass(frozen=True)
class PublisherKills:
    """What was found after a publisher had been killed at one request after the other."""

    n_kills: int
    n_requests: int  # of an undisturbed publication and promotion
    n_old_champion: int  # kills after which the old champion held
    n_new_champion: int  # kills after which the new one held
    faults: tuple[str, ...]  # what should not have been found, in words


def kill_publisher(
    place: Place,
    folder: Path,
    *,
    is_meant: Callable[[Request], bool] = lambda request: True,
    n_bytes: int = 20_000,
) -> PublisherKills:
    """Kill a publisher at each of its requests, before and behind it, and see what is left each time.

    Args:
        is_meant: the requests to kill at; default: all.
        n_bytes: size of the largest file.
    """
    old = make_bundle(folder / "old", "old")
    new = make_bundle(folder / "new", "new", n_bytes=n_bytes)
    with faulty(place.url) as proxy, _Nursery(place.via(proxy.url), new) as nursery:
        trial = _Trial(place.open(), old, new, proxy, nursery, is_meant)
        n = 1
        while trial.kill_at(n, Cut.BEFORE) and trial.kill_at(n, Cut.AFTER):
            n += 1
            assert n < MAX_REQUESTS
    return PublisherKills(trial.n_kills, n - 1, trial.n_old, trial.n_new, tuple(trial.faults))


def is_of_parts(request: Request) -> bool:
    """Return whether it is one of those by which a large file goes up in parts."""
    return "?upload" in request.path


@dataclass
class _Trial:
    root: Registry
    old: Path
    new: Path
    proxy: FaultyProxy
    nursery: "_Nursery"
    is_meant: Callable[[Request], bool]
    n_kills: int = 0
    n_old: int = 0
    n_new: int = 0
    faults: list[str] = field(default_factory=list)

    def kill_at(self, n: int, cut: Cut) -> bool:
        """Return whether the publisher was killed at its n-th request; False: it has no so many."""
        name = f"{n}-{cut.name.lower()}"
        registry = self.root.within(name)
        publish(registry, self.old, "old")
        promote_next(registry, "old")
        if not self._publish_until(n, cut, name):
            self._see(registry, "undisturbed", can_be=("new",))
            return False
        self.n_kills += 1
        version = self._see(registry, name, can_be=("old", "new"))
        self.n_old += version == "old"
        self.n_new += version == "new"
        # What a kill behind one request leaves, a kill before the next leaves too: one is cleaned at once, the other
        # after the second try.
        if cut is Cut.AFTER:
            self._clean(registry, name)
        publish(registry, self.new, "new")
        promote_next(registry, "new")
        if cut is Cut.BEFORE:
            self._clean(registry, f"{name}, tried again")
        self._see(registry, f"{name}, tried again", can_be=("new",))
        return True

    def _publish_until(self, n: int, cut: Cut, name: str) -> bool:
        """Publish and promote in a process of its own. Returns whether it was killed at its n-th request."""
        n_met = 0
        known = threading.Event()
        pid = 0

        def rule(request: Request) -> Fault | None:
            nonlocal n_met
            known.wait()
            if n_met == n:  # what other threads of the dying process still ask for
                return Fault(cut=Cut.BEFORE)
            n_met += self.is_meant(request)
            return Fault(cut=cut, kill=pid) if n_met == n else None

        self.proxy.rule = rule
        pid = self.nursery.begin(name)
        known.set()
        return self.nursery.ended_by_kill()

    def _see(self, registry: Registry, where: str, *, can_be: tuple[str, ...]) -> str:
        """Load every version that there is, and return which of them is the champion."""
        try:
            with tempfile.TemporaryDirectory() as cache:
                for version in list_versions(registry):
                    found = contents(fetch_version(registry, version, Path(cache)))
                    if found != contents(self.old if version == "old" else self.new):
                        self.faults.append(f"{where}: {version} is torn")
            move = current_move(registry, ALIAS)
        except FslError as error:
            self.faults.append(f"{where}: {error}")
            return "none"
        champion = move.version if move else "none"
        if champion not in can_be or champion not in list_versions(registry):
            self.faults.append(f"{where}: the champion is {champion}")
        return champion

    def _clean(self, registry: Registry, where: str) -> None:
        """Clean, and look for what nobody needs."""
        for _ in range(2):
            now = datetime.now(UTC) + timedelta(seconds=1)
            clean(registry, now=now, keep=timedelta(0), grace=timedelta(0), alone=True)
        store = registry.store
        needed = {
            layout.blob(file.sha256)
            for version in list_versions(registry)
            for file in load_manifest(registry, version).files
        }
        left = {info.key for info in store.list(layout.BLOBS)} ^ needed
        left |= {info.key for info in store.list(layout.MARKS)}
        if left or store.abort_uploads(layout.BLOBS, before=datetime.now(UTC) + timedelta(days=1)):
            self.faults.append(f"{where}: cleaning left {sorted(left) or 'an upload'}")


class _Nursery:
    """A process from which publishers are forked, its client open already: to open one takes longer than to publish."""

    def __init__(self, place: Place, folder: Path) -> None:
        processes = multiprocessing.get_context("spawn")
        self._pipe, theirs = processes.Pipe()
        self._process = processes.Process(target=_fork_publishers, args=(theirs, place, folder), daemon=True)

    def __enter__(self) -> "_Nursery":
        self._process.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._pipe.send(None)
        self._process.join()

    def begin(self, prefix: str) -> int:
        """Start a publisher, and return its process id."""
        self._pipe.send(prefix)
        return int(self._pipe.recv())

    def ended_by_kill(self) -> bool:
        """Wait for the publisher's end."""
        code = int(self._pipe.recv())
        assert code in (0, -signal.SIGKILL), f"the publisher ended with {code}"
        return code != 0


def _fork_publishers(pipe: Connection, place: Place, folder: Path) -> None:
    registry = place.open()
    while (prefix := pipe.recv()) is not None:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                publish(registry.within(prefix), folder, "new")
                promote_next(registry.within(prefix), "new")
                code = 0
            finally:
                os._exit(code)
        pipe.send(pid)
        pipe.send(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
