"""How a store can refuse, as types: the facts, a next step, and whether trying again can help.

What S3 answers is turned into these types by `fsl.store.refusals`. The embedded server's own troubles stand in
`fsl.store.embedded.errors`, how versions and aliases refuse in `fsl.store.registry_errors`.
"""

from dataclasses import dataclass
from typing import ClassVar

from fsl.errors import FslError


@dataclass(eq=False)
class StoreError(FslError):
    """The store did not do what was asked. `where` names endpoint, bucket and key."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"the store refused {self.where}: {self.reason}."


@dataclass(eq=False)
class NoEndpoint(StoreError):
    """Nothing says which store to use."""

    def __str__(self) -> str:
        return (
            f"no store is named for {self.where}: {self.reason}. Set `store.endpoint_url` in fsl.yaml, or start the "
            "project's embedded server."
        )


@dataclass(eq=False)
class StoreUnreachable(StoreError):
    """No answer, or one that broke off."""

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"{self.where} cannot be reached: {self.reason}. Check that the store runs and that "
            "`store.endpoint_url` is right; then run it again, since nothing was left half done."
        )


@dataclass(eq=False)
class StoreThrottled(StoreError):
    """The store has too much to do just now."""

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"the store is too busy for {self.where}: {self.reason}. Try again in a minute."


@dataclass(eq=False)
class StoreFaulty(StoreError):
    """The store failed inside."""

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"the store failed inside on {self.where}: {self.reason}. Try again; if it lasts, look at the store's own "
            "log and at its free disk space."
        )


@dataclass(eq=False)
class NotSupported(StoreError):
    """The store does not know this kind of request."""

    def __str__(self) -> str:
        return (
            f"{self.where} lies in a store that cannot do this: {self.reason}. Use another store (`fsl doctor` tells)."
        )


@dataclass(eq=False)
class AccessRefused(StoreError):
    """The credentials are known, but may not do this."""

    def __str__(self) -> str:
        return f"these credentials may not use {self.where}: {self.reason}. Ask the bucket's owner for the right to."


@dataclass(eq=False)
class CredentialsRefused(AccessRefused):
    """There are no credentials, or the store does not take them."""

    def __str__(self) -> str:
        return (
            f"{self.where} does not take the credentials: {self.reason}. Set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) to those of this store."
        )


@dataclass(eq=False)
class ClockSkewed(StoreError):
    """This machine's clock and the store's differ too much for a signature to hold."""

    def __str__(self) -> str:
        return f"{self.where} refuses the time of this machine: {self.reason}. Set the clock (NTP), and run it again."


@dataclass(eq=False)
class TlsFailed(StoreError):
    """No trusted encrypted connection."""

    def __str__(self) -> str:
        return (
            f"no trusted connection to {self.where}: {self.reason}. Name the store's certificate authority in "
            "AWS_CA_BUNDLE, or correct http/https in `store.endpoint_url`."
        )


@dataclass(eq=False)
class WrongRegion(StoreError):
    """The bucket lies in another region."""

    def __str__(self) -> str:
        return f"{self.where} lies in another region: {self.reason}. Set `store.region` in fsl.yaml to it."


@dataclass(eq=False)
class StoreFull(StoreError):
    """No room, or no quota, is left."""

    def __str__(self) -> str:
        return (
            f"the store has no room for {self.where}: {self.reason}. Free space or raise the quota, and run it again; "
            "what was finished is not done twice."
        )


@dataclass(eq=False)
class NoSuchBucket(StoreError):
    """The bucket is not there."""

    def __str__(self) -> str:
        return (
            f"there is no bucket {self.where}: {self.reason}. Create it, or correct `store.bucket` in fsl.yaml "
            "(it may be the endpoint that is wrong)."
        )


@dataclass(eq=False)
class ObjectMissing(StoreError):
    """There is nothing under this key."""

    def __str__(self) -> str:
        return f"there is no object {self.where}. Look at what lies beside it: the key may be misspelt or cleaned away."


@dataclass(eq=False)
class DamagedObject(StoreError):
    """What was read is not what was written."""

    def __str__(self) -> str:
        return (
            f"{self.where} is damaged: {self.reason}. It was not used. Restore it from a backup or another registry, "
            "or delete it and publish again."
        )


@dataclass(eq=False)
class NewerSchema(StoreError):
    """Written by a newer fsl than this one."""

    def __str__(self) -> str:
        return f"{self.where} was written by a newer fsl: {self.reason}. Update fsl here; nothing was changed."


@dataclass(eq=False)
class NotTrusted(StoreError):
    """Not signed by a key that may, or not as it was signed."""

    def __str__(self) -> str:
        return (
            f"{self.where} is not trusted: {self.reason}. It was not used. `registry.keys` lists whose signature "
            "counts; `fsl models verify` says what else does not hold."
        )


@dataclass(eq=False)
class KeyUnusable(FslError):
    """A signing key that cannot be read or written."""

    path: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the signing key {self.path} cannot be used: {self.reason}. FSL_SIGNING_KEY names a private Ed25519 key "
            "in PEM (FSL_SIGNING_KEY_PASSWORD unlocks it); `fsl models keygen FILE` makes one."
        )


@dataclass(eq=False)
class LayoutTooOld(StoreError):
    """The bucket layout is older than this fsl writes."""

    def __str__(self) -> str:
        return (
            f"{self.where} was written by an older fsl: {self.reason}. Nothing was changed. Stop the workers that "
            "still run the older one, then: fsl store migrate"
        )


@dataclass(eq=False)
class LayoutTooNew(NewerSchema):
    """The whole bucket layout is newer than this fsl knows."""


@dataclass(eq=False)
class RestoreUnfinished(StoreError):
    """A project that is not whole yet; the reason names the backup."""

    def __str__(self) -> str:
        return (
            f"{self.where} is being restored from the backup {self.reason}, or that was cut off, so it cannot be "
            "opened. Run the same `fsl store restore` again: it goes on where it was."
        )


@dataclass(eq=False)
class UnsafeStore(StoreError):
    """Create-only writes are not honoured, so two writers could overwrite each other."""

    def __str__(self) -> str:
        return (
            f"{self.where} does not honour create-only writes (If-None-Match: *): {self.reason}. Two writers "
            "could lose each other's work there, so nothing was written. Three ways out: use another store (the "
            "embedded one, AWS, a current MinIO or SeaweedFS); promise that only one process ever writes, with "
            "`store.single_writer: true` in fsl.yaml; or let all writers take turns by a lock that they share, with "
            "`store.lock_file: /a/shared/path` in fsl.yaml."
        )


@dataclass(eq=False)
class LockUnusable(StoreError):
    """The lock by which writers take turns cannot be had."""

    path: str

    def __str__(self) -> str:
        return (
            f"{self.where} is written under the lock {self.path}, and that file cannot be locked: {self.reason}. "
            "Nothing was written. `store.lock_file` names a file that this user may write, in a folder that is there, "
            "on the file system that all writers share."
        )


@dataclass(eq=False)
class BeingCleaned(StoreError):
    """What is needed is being removed just now, since nobody needed it for long."""

    retryable: ClassVar[bool] = True

    def __str__(self) -> str:
        return (
            f"{self.where} cannot be relied on: {self.reason}. Try again in a minute; if it lasts, a cleaning was "
            "stopped half-way, and `fsl models gc` ends it."
        )


@dataclass(eq=False)
class GraceTooShort(FslError):
    """A cleaning that could remove what somebody is about to use."""

    hours: float

    def __str__(self) -> str:
        return (
            f"a grace period of {self.hours:g} hours could remove what a running publication is about to use. Give at "
            "least 1 hour, or stop every writer and say so with --alone. Nothing was removed."
        )


@dataclass(eq=False)
class BadName(FslError):
    """A key, a version, an alias or a file that tries to be something else."""

    what: str
    name: str
    rule: str

    def __str__(self) -> str:
        return f"{self.name!r} cannot be {self.what}: {self.rule}. Choose another name."


@dataclass(eq=False)
class ForeignProject(FslError):
    """Another project lies under this prefix."""

    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"{self.where} belongs to project {self.found!r}, not to {self.expected!r}. Choose another `project` or "
            "`store.bucket` in fsl.yaml; nothing was changed."
        )
