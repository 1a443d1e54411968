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


@dataclass(eq=False)
class NoProjectThere(FslError):
    """There is nothing to back up or to migrate."""

    where: str

    def __str__(self) -> str:
        return (
            f"there is no project in {self.where}; nothing was done. `fsl config show` says where this folder points."
        )


@dataclass(eq=False)
class PlaceInside(FslError):
    """A backup that would back itself up."""

    place: str
    where: str

    def __str__(self) -> str:
        return (
            f"{self.place} lies inside the project itself ({self.where}). Name a folder, or another prefix or bucket."
        )


@dataclass(eq=False)
class NoBackup(FslError):
    """A place without a finished backup."""

    place: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.place} holds no backup that can be restored: {self.reason}. Nothing was changed. A backup is "
            "finished when `fsl store backup` says so; one that was cut off goes on when it is run again."
        )


@dataclass(eq=False)
class BackupDamaged(FslError):
    """What lies in a backup is not what was put there."""

    where: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the backup is damaged: {self.where} {self.reason}. Nothing more was restored. Where the project is still "
            "there, `fsl store backup` into the same place mends it; else take another backup (--at names one)."
        )


@dataclass(eq=False)
class BackupOfAnother(FslError):
    """A backup of one project, asked for by another."""

    place: str
    found: str
    project: str

    def __str__(self) -> str:
        return (
            f"{self.place} holds backups of {self.found}, and this is {self.project}. Nothing was changed. Use another "
            "place, or go to the folder of that project."
        )


@dataclass(eq=False)
class PrefixInUse(FslError):
    """A restore never writes over anything."""

    where: str
    reason: str

    def __str__(self) -> str:
        return (
            f"nothing was restored: {self.where} {self.reason}, and a restore never writes over anything. Name an "
            "empty bucket in fsl.yaml (`store.bucket`), or remove what lies there if nobody needs it."
        )


@dataclass(eq=False)
class NotAPlace(FslError):
    """No address of a place for backups."""

    place: str

    def __str__(self) -> str:
        return f"{self.place!r} is no place for backups. Name a folder, or s3://BUCKET/PREFIX. Nothing was changed."


@dataclass(eq=False)
class NoSuchPart(FslError):
    """A part that no project has."""

    part: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"a backup cannot do without {self.part!r}, only without {' or '.join(self.parts)}. Nothing was done."
