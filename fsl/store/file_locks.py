"""Locks between processes that see one file system. They end with their holder, however it ends.

They hold between threads too, since each holder opens the file anew. Between machines they hold where the file system
passes flock on: NFS from version 4 on does, mounted without `nolock`; many FUSE mounts of buckets do not.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock alone; wait for it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class SharedLock:
    """One of several holders; whoever leaves last can tell."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("a")
        fcntl.flock(self._file, fcntl.LOCK_SH)

    @contextmanager
    def leaving(self) -> Iterator[bool]:
        """Give the lock up at the end of the block, which learns whether no other holder is left.

        Whoever is the last holds the lock alone inside the block, so that nobody comes in meanwhile.
        """
        with self._file:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
