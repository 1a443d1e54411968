"""Free ports for the embedded server: five for HTTP, and each plus 10,000 for gRPC."""

import random
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path

GRPC_OFFSET = 10_000
N_HTTP_PORTS = 5
# Both halves stay below the ports that Linux and macOS hand to outgoing connections (from 32768 and 49152).
FIRST_BASE, LAST_BASE = 12_000, 22_000


def candidate_bases(folder: Path, n: int) -> Iterator[int]:
    """Yield bases to try. The first follows from the folder, so that a project keeps its address."""
    steps = (LAST_BASE - FIRST_BASE) // N_HTTP_PORTS
    yield FIRST_BASE + zlib.crc32(str(folder).encode()) % steps * N_HTTP_PORTS
    for _ in range(n - 1):
        yield FIRST_BASE + random.SystemRandom().randrange(steps) * N_HTTP_PORTS


def are_free(base: int) -> bool:
    """Return whether all ten ports can be bound just now."""
    ports = [base + i + offset for i in range(N_HTTP_PORTS) for offset in (0, GRPC_OFFSET)]
    return all(is_free(port) for port in ports)


def is_listening(port: int) -> bool:
    """Return whether somebody takes connections on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def remove_sockets(base: int) -> None:
    """Remove what a stopped server left in the system's folder of temporary files."""
    for port in range(base + GRPC_OFFSET, base + GRPC_OFFSET + N_HTTP_PORTS):
        for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):  # noqa: S108  SeaweedFS gives no choice
            left.unlink(missing_ok=True)


def is_free(port: int) -> bool:
    """Return whether the port can be bound just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port that a stopped server left in TIME_WAIT is free; one that is listened on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
