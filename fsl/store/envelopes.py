"""Signed documents: DSSE envelopes round the bytes of a manifest or a move.

The signature covers the stored bytes and what kind of document they are, so no reader has to agree on a canonical
JSON, and a signed move can pass for nothing else. Protocol: https://github.com/secure-systems-lab/dsse, version 1.0.
A document without a signature lies in the store as it is. Whose signature counts is `fsl.store.signing`.
"""

import base64
import binascii
import json
import logging
from dataclasses import dataclass
from typing import Any

from fsl.store import documents
from fsl.store.errors import DamagedObject, NotTrusted
from fsl.store.signing import Act, Signer, Trust, is_signature

log = logging.getLogger(__name__)

PAYLOAD_TYPES = {
    Act.PUBLISH: "application/vnd.fsl.manifest+json",
    Act.PROMOTE: "application/vnd.fsl.move+json",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A document's own bytes, and the name of the listed key that signed them."""

    body: bytes
    signed_by: str | None
    why_not: str  # for people, where `signed_by` is None


class _Signature(documents.Document):
    keyid: str
    sig: str


class _Envelope(documents.Document):
    payload: str
    payloadType: str  # noqa: N815 - the protocol's name
    signatures: list[_Signature]


def seal(body: bytes, act: Act, signer: Signer | None, *, payload_type: str | None = None) -> bytes:
    """Return the bytes to store: an envelope, or the document as it is where there is nobody to sign.

    Args:
        payload_type: what kind of document it is, where that is not the one that the act is named for.
    """
    payload_type = payload_type or PAYLOAD_TYPES[act]
    if signer is None:
        return body
    signature = signer.sign(_signed_bytes(payload_type, body))
    return documents.to_bytes(
        {
            "payload": base64.b64encode(body).decode(),
            "payloadType": payload_type,
            "signatures": [{"keyid": signer.id, "sig": base64.b64encode(signature).decode()}],
        }
    )


def open_envelope(data: bytes, act: Act, trust: Trust, where: str, *, payload_type: str | None = None) -> Opened:
    """Return a document's bytes and who signed them.

    Raises:
        DamagedObject: the envelope is none.
        NotTrusted: it bears the name of a listed key, and not its signature.
    """
    if not _is_envelope(data):
        return Opened(data, None, "it is not signed")
    try:
        envelope = _Envelope.model_validate_json(data)
        body = base64.b64decode(envelope.payload, validate=True)
        signatures = [(item.keyid, base64.b64decode(item.sig, validate=True)) for item in envelope.signatures]
    except (ValueError, binascii.Error) as error:
        raise DamagedObject(where, "its signed envelope cannot be read") from error
    if envelope.payloadType != (payload_type or PAYLOAD_TYPES[act]):
        raise NotTrusted(where, f"what was signed is {envelope.payloadType!r}, which is something else")
    why_not = "no key in `registry.keys` signed it"
    for key in trust.keys:
        for _, signature in (item for item in signatures if item[0] == key.id):
            if not is_signature(key.public_key, signature, _signed_bytes(envelope.payloadType, body)):
                raise NotTrusted(where, f"it bears the name of key {key.name!r}, and not its signature")
            if act in key.may:
                return Opened(body, key.name, "")
            why_not = f"key {key.name!r} signed it, which may not {act}"
    return Opened(body, None, why_not)


def require_trust(opened: Opened, trust: Trust, where: str) -> None:
    """Raise NotTrusted where a signature is required and no listed key gave it."""
    if trust.required and opened.signed_by is None:
        raise NotTrusted(where, opened.why_not)


def _is_envelope(data: bytes) -> bool:
    try:
        value: Any = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "payloadType" in value


def _signed_bytes(payload_type: str, body: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)
