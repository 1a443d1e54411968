"""What can go wrong with `fsl up`: it runs already, a port is taken, a part does not come up."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class UpAlready(FslError):
    """Another `fsl up` runs in this folder."""

    folder: str
    pid: int

    def __str__(self) -> str:
        return (
            f"fsl up runs already for {self.folder} (process {self.pid}), and nothing was started. "
            "See what it does: fsl status. Stop it: fsl down"
        )


@dataclass(eq=False)
class PortTaken(FslError):
    """A port that the config names is somebody else's."""

    part: str
    port: int

    def __str__(self) -> str:
        return (
            f"port {self.port} of 127.0.0.1 is taken, and `up.ports.{self.part}` names it. Nothing was started. Stop "
            f"what listens there, or name another port; without the key a free one is found."
        )


@dataclass(eq=False)
class PartsGaveUp(FslError):
    """Parts died so often that they were not started again."""

    parts: tuple[str, ...]
    logs: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{', '.join(self.parts)} died too often and was not started again; everything was stopped. "
            f"What went wrong stands at the end of {', '.join(self.logs)}. Mend it, then: fsl up"
        )
