"""Ports of the loopback for the parts: those that the config names, or free ones that a folder keeps."""

import random
import zlib
from collections.abc import Mapping
from pathlib import Path

from flows.up.errors import PortTaken
from fsl.store.embedded.ports import is_free

FIRST, LAST = 10_000, 11_999  # below those of the embedded store
N_TRIES = 50


def choose_port(part: str, folder: Path, named: Mapping[str, int]) -> int:
    """Return the port that the config names, or a free one. Raises PortTaken."""
    if part in named:
        if not is_free(named[part]):
            raise PortTaken(part, named[part])
        return named[part]
    room = LAST - FIRST + 1
    first = FIRST + zlib.crc32(f"{folder}/{part}".encode()) % room  # the same each time, so that a bookmark holds
    others = (FIRST + random.SystemRandom().randrange(room) for _ in range(N_TRIES))
    return next((port for port in (first, *others) if is_free(port)), first)
