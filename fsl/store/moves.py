"""One move of an alias as a document, and the rules by which moves follow from one another.

Each move holds the SHA-256 of the move before it, so that none can be edited, removed or slipped in unseen. Nothing
here talks to a store; reading and making moves is `fsl.store.aliases`.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from fsl.store import documents, envelopes, layout
from fsl.store.errors import DamagedObject
from fsl.store.registry_errors import BrokenChain
from fsl.store.signing import NO_KEYS, Act, Signer, Trust

SCHEMA = 2  # 1 named no registry and held no nonce


@dataclass(frozen=True, slots=True)
class Move:
    """An alias was given to a version: who did it, when, and why."""

    alias: str
    seq: int  # 1 for the first
    version: str
    verdict: str
    who: str
    why: str
    when: datetime
    previous: str | None  # SHA-256 of the previous move's bytes; None for the first
    key: str
    digest: str  # SHA-256 of this move's bytes
    rolled_back: str | None = None  # the version that this move left because it was bad
    manifest: str | None = None  # SHA-256 of the version's manifest; None in moves of layout 1
    registry: str | None = None  # the id of the registry it was made in
    nonce: str = ""  # makes every move its own: of two movers who say the same, one still wins
    signed_by: str | None = None  # the name of the listed key that signed it
    why_unsigned: str = ""


class _MoveDocument(documents.Document):
    alias: str
    seq: Annotated[int, Field(ge=1)]
    version: str
    verdict: str
    who: str
    why: str
    when: AwareDatetime
    previous: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    rolled_back: str | None = None
    manifest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    registry: str | None = None
    nonce: str = ""


def write_move(move: Move, signer: Signer | None = None) -> tuple[Move, bytes]:
    """Return a move's bytes, and the move with their digest."""
    document = {
        "schema": SCHEMA,
        "alias": move.alias,
        "seq": move.seq,
        "version": move.version,
        "verdict": move.verdict,
        "who": move.who,
        "why": move.why,
        "when": move.when.astimezone(UTC).isoformat(),
        "previous": move.previous,
        "rolled_back": move.rolled_back,
        "manifest": move.manifest,
        "registry": move.registry,
        "nonce": move.nonce,
    }
    data = envelopes.seal(documents.to_bytes(document), Act.PROMOTE, signer)
    return replace(move, digest=hashlib.sha256(data).hexdigest()), data


def parse_move(data: bytes, alias: str, seq: int, where: str, *, registry: str = "", trust: Trust = NO_KEYS) -> Move:
    """Read a move that may be anything.

    Args:
        registry: the id of the registry that it was read from; "" where it is not known.
        trust: whose signatures count. Whether one is required is the reader's to ask: the last move vouches for those
            before it, since it holds their digests.

    Raises:
        BrokenChain, NewerSchema, NotTrusted.
    """
    try:
        opened = envelopes.open_envelope(data, Act.PROMOTE, trust, where)
        document = documents.parse(_MoveDocument, opened.body, where, schema_key="schema", schema=SCHEMA)
    except DamagedObject as error:
        raise BrokenChain(alias, where, error.reason) from error
    if (document.alias, document.seq) != (alias, seq):
        raise BrokenChain(alias, where, f"holds move {document.seq} of alias {document.alias!r}")
    if registry and document.registry not in (None, registry):
        raise BrokenChain(alias, where, "was made in another registry and copied here")
    facts = document.model_dump(exclude={"when"})
    return Move(
        **facts,
        when=document.when,
        key=layout.move(alias, seq),
        digest=hashlib.sha256(data).hexdigest(),
        signed_by=opened.signed_by,
        why_unsigned=opened.why_not,
    )


def check_follows(before: Move | None, move: Move, where: str) -> None:
    """Raise BrokenChain unless the move follows from the one before it."""
    if move.previous != (before.digest if before else None):
        named = f"move {before.seq}" if before else "no move"
        raise BrokenChain(move.alias, where, f"does not follow from {named}: that digest is not the one it names")


def check_no_gap(seqs: Iterable[int], first: int, alias: str, where: str) -> None:
    """Raise BrokenChain unless the numbers go up by one from `first`."""
    for expected, seq in enumerate(seqs, start=first):
        if seq != expected:
            raise BrokenChain(alias, where, f"holds move {seq}, but move {expected} is missing")


def rolled_back_versions(moves: Iterable[Move]) -> frozenset[str]:
    """Return the versions that a rollback left and nobody promoted since; no scheduled run may promote them."""
    left: set[str] = set()
    for move in moves:
        left.discard(move.version)
        if move.rolled_back is not None:
            left.add(move.rolled_back)
    return frozenset(left)
