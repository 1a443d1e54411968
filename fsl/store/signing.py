"""Who may sign what: Ed25519 keys, and the door to `cryptography`.

A private key never enters the config or the store: `FSL_SIGNING_KEY` names its file. Public keys are listed in
`registry.keys`, each with what it may do. How a signature lies around a document is `fsl.store.envelopes`.
"""

import base64
import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsl.config import RegistryConfig
from fsl.store.errors import KeyUnusable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

log = logging.getLogger(__name__)

KEY_FILE = "FSL_SIGNING_KEY"
KEY_PASSWORD = "FSL_SIGNING_KEY_PASSWORD"  # noqa: S105 - the variable's name


class Act(StrEnum):
    """What a key may sign."""

    PUBLISH = "publish"  # a version's manifest
    PROMOTE = "promote"  # a move of an alias


@dataclass(frozen=True)
class TrustedKey:
    """A public key, and what its owner may do."""

    name: str
    public_key: bytes  # 32 bytes
    may: frozenset[Act]

    @property
    def id(self) -> str:
        return key_id(self.public_key)


@dataclass(frozen=True)
class Trust:
    """Whose signatures count, and whether documents without one are refused."""

    keys: tuple[TrustedKey, ...] = ()
    required: bool = False


NO_KEYS = Trust()


@dataclass(frozen=True)
class Signer:
    """A private key. It shows in no `repr` and no log."""

    public_key: bytes
    _private: "Ed25519PrivateKey" = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        return key_id(self.public_key)

    def sign(self, data: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        return self._private.sign(data)


def key_id(public_key: bytes) -> str:
    """Return how documents name a key: the first half of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:32]


def is_signature(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Return whether this key's owner signed these very bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def trust_of(config: RegistryConfig) -> Trust:
    """Return the keys that a config lists."""
    keys = (TrustedKey(key.name, base64.b64decode(key.public_key), frozenset(map(Act, key.may))) for key in config.keys)
    return Trust(tuple(keys), config.require_signature)


def new_key(path: Path) -> Signer:
    """Make a key and write its private half to a new file that the owner alone may read. Raises KeyUnusable."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    password = os.environ.get(KEY_PASSWORD, "").encode()
    lock = form.BestAvailableEncryption(password) if password else form.NoEncryption()
    pem = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise KeyUnusable(str(path), f"it cannot be made: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    return _signer(private)


def load_signer(path: Path, password: str = "") -> Signer:
    """Read a private key in PEM. Raises KeyUnusable."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(path.read_bytes(), password.encode() or None)
    except OSError as error:
        raise KeyUnusable(str(path), f"it cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The library's words may quote the file.
        raise KeyUnusable(str(path), "it is no private key in PEM, or its password is wrong") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnusable(str(path), "it is a key of another kind than Ed25519")
    return _signer(private)


def signer_from(environment: Mapping[str, str]) -> Signer | None:
    """Return the key that `FSL_SIGNING_KEY` names, or None where it names none. Raises KeyUnusable."""
    path = environment.get(KEY_FILE)
    return load_signer(Path(path), environment.get(KEY_PASSWORD, "")) if path else None


def _signer(private: Any) -> Signer:
    from cryptography.hazmat.primitives import serialization as form

    return Signer(private.public_key().public_bytes(form.Encoding.Raw, form.PublicFormat.Raw), private)
