"""Aliases such as `champion`: movable names for versions, with their whole history.

A move is one create-only object, numbered one above the move its author saw. The same write is the pointer and the
log, so a crash cannot part them, and of any number of parallel movers exactly one wins. Readers check the chain and
take the highest move.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from fsl.store import layout
from fsl.store.errors import AliasMoved, BrokenChain, NoSuchAlias, NothingToRollBackTo
from fsl.store.keys import checked_name
from fsl.store.moves import Move, check_follows, check_no_gap, parse_move, rolled_back_versions, write_move
from fsl.store.objects import ObjectStore
from fsl.store.registry import load_manifest

log = logging.getLogger(__name__)

__all__ = ["Move", "current_move", "list_aliases", "move_alias", "read_moves", "rollback", "rolled_back_versions"]

N_READERS = 8


def read_moves(store: ObjectStore, alias: str, *, known: Move | None = None) -> tuple[Move, ...]:
    """Return the moves of an alias, oldest first, each checked against the one before.

    Args:
        known: a move that was read before; only the moves after it are read, so a poll is one request.

    Raises:
        BrokenChain: a move is missing, edited, slipped in or no move at all.
        NewerSchema: a move was written by a newer fsl.
    """
    prefix = layout.moves(checked_name("an alias", alias))
    listed = store.list(prefix, after=known.key if known else None)
    numbered = {info.key: layout.sequence_of(info.key) for info in listed}
    seqs = sorted(seq for key, seq in numbered.items() if seq is not None and key == layout.move(alias, seq))
    check_no_gap(seqs, known.seq + 1 if known else 1, alias, store.where(prefix))
    with ThreadPoolExecutor(N_READERS) as pool:
        moves = tuple(pool.map(lambda seq: _read(store, alias, seq), seqs))
    before = known
    for move in moves:
        check_follows(before, move, store.where(move.key))
        before = move
    return moves


def current_move(store: ObjectStore, alias: str, *, known: Move | None = None) -> Move | None:
    """Return the move that holds now, or None where the alias was never moved. Never older than `known`."""
    moves = read_moves(store, alias, known=known)
    return moves[-1] if moves else known


def list_aliases(store: ObjectStore) -> tuple[str, ...]:
    """Return the names of all aliases, sorted."""
    keys = (info.key.removeprefix(layout.ALIASES) for info in store.list(layout.ALIASES))
    return tuple(sorted({key.split("/")[0] for key in keys if key.count("/") == 1}))


def move_alias(
    store: ObjectStore,
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
    """
    load_manifest(store, to)
    _check_nothing_moved(store, alias, seen)
    return _append(store, alias, _next(alias, to, seen, verdict, who, why, now), seen)


def rollback(store: ObjectStore, alias: str, *, who: str, why: str, now: datetime) -> Move:
    """Give the alias back to the version before, and mark the one it leaves.

    Raises:
        NoSuchAlias: the alias was never moved.
        NothingToRollBackTo: there is no version before that was not itself left by a rollback.
        AliasMoved: somebody moved it meanwhile; nothing was changed.
    """
    moves = read_moves(store, alias)
    if not moves:
        raise NoSuchAlias(alias, store.where())
    seen = moves[-1]
    shunned = rolled_back_versions(moves) | {seen.version}
    to = next((move.version for move in reversed(moves) if move.version not in shunned), None)
    if to is None:
        raise NothingToRollBackTo(alias, seen.version)
    load_manifest(store, to)
    reason = f"rolled back from {seen.version}: {why}"
    return _append(store, alias, _next(alias, to, seen, "rollback", who, reason, now, rolled_back=seen.version), seen)


def _read(store: ObjectStore, alias: str, seq: int) -> Move:
    key = layout.move(alias, seq)
    return parse_move(store.get(key), alias, seq, store.where(key))


def _check_nothing_moved(store: ObjectStore, alias: str, seen: Move | None) -> None:
    current = current_move(store, alias)
    if current == seen:
        return
    seen_seq = seen.seq if seen else 0
    if current is None or current.seq <= seen_seq:
        raise BrokenChain(alias, store.where(layout.moves(alias)), f"no longer holds move {seen_seq} as it was seen")
    raise AliasMoved(alias, seen_seq, current.seq, current.version, current.who)


def _next(
    alias: str,
    to: str,
    seen: Move | None,
    verdict: str,
    who: str,
    why: str,
    now: datetime,
    *,
    rolled_back: str | None = None,
) -> Move:
    seq = seen.seq + 1 if seen else 1
    previous = seen.digest if seen else None
    return Move(alias, seq, to, verdict, who, why, now, previous, layout.move(alias, seq), "", rolled_back)


def _append(store: ObjectStore, alias: str, move: Move, seen: Move | None) -> Move:
    move, data = write_move(move)
    if store.create(move.key, data):
        log.info("%s now names %s (move %d, %s, by %s)", alias, move.version, move.seq, move.verdict, move.who)
        return move
    _check_nothing_moved(store, alias, seen)
    raise BrokenChain(alias, store.where(move.key), "was refused as existing, and is not listed")
