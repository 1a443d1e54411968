"""What can go wrong when versions or whole projects are carried elsewhere, as types."""

from dataclasses import dataclass

from fsl.errors import FslError


@dataclass(eq=False)
class FolderTrouble(FslError):
    """A folder on this machine cannot be read or written."""

    folder: str
    reason: str

    def __str__(self) -> str:
        return f"the folder {self.folder} cannot be used: {self.reason}. Nothing was kept. Name another folder."


@dataclass(eq=False)
class NotAnExport(FslError):
    """A folder does not hold a version, whole and as it was exported."""

    folder: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.folder} is not a version as `fsl models export` writes one: {self.reason}. Nothing was imported. "
            "Export the version again, and carry the folder over whole."
        )


@dataclass(eq=False)
class VersionTooLarge(FslError):
    """A version larger than anybody here expects."""

    version: str
    n_bytes: int
    max_bytes: int

    def __str__(self) -> str:
        return (
            f"version {self.version!r} says that its files have {self.n_bytes:,} bytes, and "
            f"`registry.max_version_gb` allows {self.max_bytes / 1e9:g} GB. Nothing was taken over. Raise it in "
            "fsl.yaml if that is right."
        )


@dataclass(eq=False)
class SameRegistry(FslError):
    """A version is copied from a registry to itself."""

    where: str

    def __str__(self) -> str:
        return (
            f"both registries are {self.where}, so there is nothing to copy. Name another project's fsl.yaml. "
            "(FSL_STORE__ENDPOINT_URL in the environment holds for both: unset it.)"
        )
