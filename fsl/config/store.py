"""Where a project lies, and whose signatures it trusts: `registry`, `store`."""

import base64
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat, model_validator

from fsl.config.base import Section


def _is_absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("name the whole path, such as /mnt/shared/fsl.lock: workers start in other folders")
    return path


def _is_public_key(text: str) -> str:
    try:
        n_bytes = len(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise ValueError("it is not base64; `fsl models keygen` prints the line to put here") from error
    if n_bytes != 32:
        raise ValueError(f"an Ed25519 public key has 32 bytes, and this has {n_bytes}")
    return text


class TrustedKeyConfig(Section):
    """A public key whose signature counts."""

    name: str
    public_key: Annotated[str, AfterValidator(_is_public_key)] = Field(description="32 bytes in base64.")
    may: tuple[Literal["publish", "promote"], ...] = ("publish", "promote")


class RegistryConfig(Section):
    """Who is trusted with versions and aliases. A worker that must not trust the bucket has it from its environment."""

    require_signature: bool = Field(default=False, description="Refuse what no listed key signed.")
    keys: tuple[TrustedKeyConfig, ...] = ()
    keep_days: PositiveFloat = Field(
        default=30.0, description="`fsl models gc` keeps younger versions, whoever names them."
    )
    grace_hours: PositiveFloat = Field(
        default=24.0, description="What a cleaning marked goes after this long, if it is still unneeded."
    )
    keep_run_days: PositiveFloat = Field(
        default=7.0, description="Housekeeping keeps the files of a retrain's steps for so long; its verdict stays."
    )
    max_version_gb: PositiveFloat = Field(
        default=20.0, description="A larger version is neither imported nor copied here."
    )

    @model_validator(mode="after")
    def _somebody_may(self) -> "RegistryConfig":
        missing = {"publish", "promote"} - {act for key in self.keys for act in key.may}
        if self.require_signature and missing:
            raise ValueError(f"require_signature is set, and no key may {' or '.join(sorted(missing))}")
        return self


class StoreConfig(Section):
    """Where everything lies. Credentials come by the AWS chain, never from here."""

    endpoint_url: str | None = Field(default=None, description="null: the embedded server of this project's folder.")
    embedded_program: str | None = Field(
        default=None,
        min_length=1,
        description="A SeaweedFS program for the embedded server: a name on the PATH, such as weed, or a path. "
        "null: the packaged one.",
    )
    bucket: str = "fsl"
    region: str = "us-east-1"
    single_writer: bool = Field(
        default=False, description="Promise that nobody else writes, for stores without create-only."
    )
    lock_file: Annotated[Path, AfterValidator(_is_absolute)] | None = Field(
        default=None,
        description="For stores without create-only: a file by whose lock all writers take turns. Every one of them "
        "must name it, and see it on one file system that passes flock on.",
    )
