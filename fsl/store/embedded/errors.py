"""What can go wrong with the embedded server: it is missing, it finds no port or no room, it does not come up."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class ServerMissing(FslError):
    """The server's program is not installed."""

    searched: tuple[str, ...]

    def __str__(self) -> str:
        return (
            "the embedded S3 server (`weed`) is not installed. Install it: pip install 'fsl[embedded]'; or name any S3 "
            f"in `store.endpoint_url`. Searched: {', '.join(self.searched)}."
        )


@dataclass(eq=False)
class ProgramRefused(FslError):
    """The program that the config names cannot be the embedded server."""

    name: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.name!r} (`store.embedded_program`) cannot be the embedded server: {self.reason}. Nothing was "
            "started. Name a SeaweedFS program or its path, take the key out to use the packaged one, or start any "
            "S3 and name it in `store.endpoint_url`."
        )


@dataclass(eq=False)
class ServerNotReady(FslError):
    """The server was started, and no write got through."""

    folder: str
    reason: str
    log_tail: str

    def __str__(self) -> str:
        return (
            f"the embedded S3 server in {self.folder} did not become ready: {self.reason}. Its log ends with:\n"
            f"{self.log_tail}\nThe whole log is server.log in that folder. Run it again when the cause is mended."
        )


@dataclass(eq=False)
class NoFreePorts(FslError):
    """No group of ports was free, in several tries."""

    tries: int

    def __str__(self) -> str:
        return (
            f"no ten free ports on 127.0.0.1 were found in {self.tries} tries. Stop other servers, or name any S3 in "
            "`store.endpoint_url`."
        )


@dataclass(eq=False)
class DiskFull(FslError):
    """Too little room for the server to take a write."""

    folder: str
    free_mb: int
    need_mb: int

    def __str__(self) -> str:
        return (
            f"the disk of {self.folder} has {self.free_mb} MB left, and the embedded S3 server needs {self.need_mb} "
            "MB. Free some space, and run it again; nothing was changed."
        )


@dataclass(eq=False)
class NotEmbedded(FslError):
    """The project's store is another than the embedded server."""

    endpoint_url: str

    def __str__(self) -> str:
        return (
            f"this project's store is {self.endpoint_url} (`store.endpoint_url`), not an embedded server, and nothing "
            "was done. `fsl doctor` looks at that store; take the key out of fsl.yaml, or the variable "
            "FSL_STORE__ENDPOINT_URL away, to use the embedded one."
        )
