"""Run as a program: ingests objects again and again, each time in a child that kills itself at another write.

It is its own fork server: the slow imports happen once, and each child is a real process that dies by SIGKILL.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fsl.config import RunConfig, StoreConfig
from fsl.data.checking.validation import Validator
from fsl.data.intake import ingest_object
from fsl.data.together import ingest_together
from fsl.store.objects import ObjectStore


class Mortal(ObjectStore):
    """A store whose user is killed at its n-th write, just before it or just after."""

    def arm(self, n: int, *, after: bool) -> "Mortal":
        object.__setattr__(self, "_left", n)
        object.__setattr__(self, "_after", after)
        return self

    def _write(self, write: Callable[..., Any], *args: Any) -> Any:
        object.__setattr__(self, "_left", self._left - 1)  # type: ignore[attr-defined]
        is_last = self._left == 0  # type: ignore[attr-defined]
        if is_last and not self._after:  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGKILL)
        done = write(*args)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    def put(self, key: str, data: bytes) -> None:
        self._write(super().put, key, data)

    def create(self, key: str, data: bytes) -> bool:
        return bool(self._write(super().create, key, data))

    def upload(self, key: str, path: Path) -> None:
        self._write(super().upload, key, path)


def main() -> None:
    """Take a JSON list of runs on stdin; print how each child ended."""
    Validator.open()  # so that the children need not import it
    for run in json.load(sys.stdin):
        child = os.fork()
        if child == 0:
            _ingest(run)
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _ingest(run: dict[str, Any]) -> None:
    store = ObjectStore.connect(StoreConfig(endpoint_url=run["url"], bucket=run["bucket"])).within(run["prefix"])
    mortal = Mortal(**vars(store)).arm(run["n"], after=run["after"])
    config, now = RunConfig(project="tickets"), datetime(2026, 3, 1, tzinfo=UTC)
    if len(run["keys"]) == 1:
        ingest_object(mortal, config, run["keys"][0], now=now)
    else:
        ingest_together(mortal, config, run["keys"], now=now)


if __name__ == "__main__":
    main()
