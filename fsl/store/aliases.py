"""Aliases such as `champion`: movable names for versions, with their whole history.

A move is one create-only object, numbered one above the move its author saw. The same write is the pointer and the
log, so a crash cannot part them, and of any number of parallel movers exactly one wins. Readers check the chain and
take the highest move.
"""

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from fsl.store import layout
from fsl.store.errors import NotTrusted
from fsl.store.keys import checked_name
from fsl.store.marks import spare
from fsl.store.moves import Move, check_follows, check_no_gap, parse_move, rolled_back_versions, write_move
from fsl.store.registry import Manifest, Registry, load_manifest
from fsl.store.registry_errors import AliasMoved, BrokenChain, NoSuchAlias, NothingToRollBackTo

log = logging.getLogger(__name__)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Move",
    "current_move",
    "list_aliases",
    "move_alias",
    "needed_moves",
    "read_moves",
    "rollback",
    "rolled_back_versions",
]

N_READERS = 8
CHAMPION = "champion"  # serves
CHALLENGER = "challenger"  # the version that a retrain made last


def read_moves(registry: Registry, alias: str, *, known: Move | None = None) -> tuple[Move, ...]:
    """Return the moves of an alias, oldest first, each checked against the one before.

    Args:
        known: a move that was read before; only the moves after it are read, so a poll is one request.

    Raises:
        BrokenChain: a move is missing, edited, slipped in, of another registry, or no move at all.
        NewerSchema: a move was written by a newer fsl.
        NotTrusted: a signature is required, and no listed key that may promote gave it to the last move. It vouches
            for the moves before, since it holds their digests.
    """
    store = registry.store
    prefix = layout.moves(checked_name("an alias", alias))
    listed = store.list(prefix, after=known.key if known else None)
    numbered = {info.key: layout.sequence_of(info.key) for info in listed}
    seqs = sorted(seq for key, seq in numbered.items() if seq is not None and key == layout.move(alias, seq))
    check_no_gap(seqs, known.seq + 1 if known else 1, alias, store.where(prefix))
    with ThreadPoolExecutor(N_READERS) as pool:
        moves = tuple(pool.map(lambda seq: _read(registry, alias, seq), seqs))
    before = known
    for move in moves:
        check_follows(before, move, store.where(move.key))
        before = move
    if moves and registry.trust.required and moves[-1].signed_by is None:
        raise NotTrusted(store.where(moves[-1].key), moves[-1].why_unsigned)
    return moves


def current_move(registry: Registry, alias: str, *, known: Move | None = None) -> Move | None:
    """Return the move that holds now, or None where the alias was never moved. Never older than `known`."""
    moves = read_moves(registry, alias, known=known)
    return moves[-1] if moves else known


def list_aliases(registry: Registry) -> tuple[str, ...]:
    """Return the names of all aliases, sorted."""
    keys = (info.key.removeprefix(layout.ALIASES) for info in registry.store.list(layout.ALIASES))
    return tuple(sorted({key.split("/")[0] for key in keys if key.count("/") == 1}))


def needed_moves(moves: tuple[Move, ...]) -> tuple[Move, ...]:
    """Return those moves of an alias whose versions are kept: all, but for the challenger, which every retrain moves.

    Else no version that was ever made could be cleaned away.
    """
    return moves[-1:] if moves and moves[-1].alias == CHALLENGER else moves


def move_alias(
    registry: Registry,
    alias: str,
    *,
    to: str,
    seen: Move | None,
    verdict: str,
    who: str,
    why: str,
    now: datetime,
) -> Move:
    """Give the alias to another version, provided that nobody moved it since `seen`.

    Args:
        seen: the current move that the decision was made on; None: that there was none.

    Raises:
        NoSuchVersion: there is no such version to move to.
        AliasMoved: somebody was faster; nothing was changed.
        NotTrusted: a signature is required, and the key at hand may not give it; nothing was changed.
        BeingCleaned: the version is being removed just now.
    """
    manifest = load_manifest(registry, to)
    _check_nothing_moved(registry, alias, seen)
    spare(registry.store, {layout.manifest(to)})
    return _append(registry, alias, _next(registry, alias, manifest, seen, verdict, who, why, now), seen)


def rollback(registry: Registry, alias: str, *, who: str, why: str, now: datetime, seen: Move | None = None) -> Move:
    """Give the alias back to the version before, and mark the one it leaves.

    Args:
        seen: the move that the decision was made on; None: whichever holds now.

    Raises:
        NoSuchAlias: the alias was never moved.
        NothingToRollBackTo: there is no version before that was not itself left by a rollback.
        AliasMoved: somebody moved it meanwhile; nothing was changed.
    """
    moves = read_moves(registry, alias)
    if not moves:
        raise NoSuchAlias(alias, registry.store.where())
    if seen is not None and seen != moves[-1]:
        raise AliasMoved(alias, seen.seq, moves[-1].seq, moves[-1].version, moves[-1].who)
    seen = moves[-1]
    shunned = rolled_back_versions(moves) | {seen.version}
    to = next((move.version for move in reversed(moves) if move.version not in shunned), None)
    if to is None:
        raise NothingToRollBackTo(alias, seen.version)
    manifest = load_manifest(registry, to)
    reason = f"rolled back from {seen.version}: {why}"
    move = _next(registry, alias, manifest, seen, "rollback", who, reason, now)
    return _append(registry, alias, replace(move, rolled_back=seen.version), seen)


def _read(registry: Registry, alias: str, seq: int) -> Move:
    key = layout.move(alias, seq)
    where = registry.store.where(key)
    return parse_move(registry.store.get(key), alias, seq, where, registry=registry.id, trust=registry.trust)


def _check_nothing_moved(registry: Registry, alias: str, seen: Move | None) -> None:
    current = current_move(registry, alias)
    if current == seen:
        return
    seen_seq = seen.seq if seen else 0
    if current is None or current.seq <= seen_seq:
        raise BrokenChain(
            alias, registry.store.where(layout.moves(alias)), f"no longer holds move {seen_seq} as it was seen"
        )
    raise AliasMoved(alias, seen_seq, current.seq, current.version, current.who)


def _next(
    registry: Registry, alias: str, to: Manifest, seen: Move | None, verdict: str, who: str, why: str, now: datetime
) -> Move:
    seq = seen.seq + 1 if seen else 1
    return Move(
        alias=alias,
        seq=seq,
        version=to.version,
        verdict=verdict,
        who=who,
        why=why,
        when=now,
        previous=seen.digest if seen else None,
        key=layout.move(alias, seq),
        digest="",
        manifest=to.digest,
        registry=registry.id or None,
        nonce=secrets.token_hex(8),
    )


def _append(registry: Registry, alias: str, move: Move, seen: Move | None) -> Move:
    store = registry.store
    _, data = write_move(move, registry.signer)
    # Read as others will read it: a move that they would refuse must not be made.
    move = parse_move(data, alias, move.seq, store.where(move.key), registry=registry.id, trust=registry.trust)
    if registry.trust.required and move.signed_by is None:
        raise NotTrusted(store.where(move.key), move.why_unsigned)
    if store.create(move.key, data):
        log.info("%s now names %s (move %d, %s, by %s)", alias, move.version, move.seq, move.verdict, move.who)
        return move
    _check_nothing_moved(registry, alias, seen)
    raise BrokenChain(alias, store.where(move.key), "was refused as existing, and is not listed")
