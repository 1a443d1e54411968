"""Trials of the registry under contention: many movers from one seen move, and readers while an alias moves.

Each trial returns what it counted. What must hold is asserted by its caller.
"""

import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bench.parts.registry.place import ALIAS, Place, contents, make_bundle, promote, publish
from fsl.errors import FslError
from fsl.store.aliases import Move, current_move, read_moves
from fsl.store.registry import Registry, fetch_version
from fsl.store.registry_errors import AliasMoved

FROM_SCRATCH_EVERY = 25  # reads: without the move known before, and into an empty cache
PROMOTIONS_PER_ALIAS = 25  # a mover reads the whole chain, so a longer one measures that and little else
PAUSE_SECONDS = 0.05  # after each read: readers and mover share one interpreter, and the mover should not starve


@dataclass(frozen=True)
class Race:
    """What became of rounds in which all movers had seen the same move."""

    n_rounds: int
    n_movers: int
    n_rounds_with_one_winner: int
    n_rounds_whose_winner_holds: int  # it is the next move of the chain, and the only new one
    n_losers_told: int  # AliasMoved, with a sentence that names the winner
    n_second_tries_that_won: int  # one loser of each round looks again
    errors: tuple[str, ...]


def race_movers(place: Place, folder: Path, *, n_rounds: int, n_movers: int = 32, n_lanes: int = 1) -> Race:
    """Let many promote at once, from the same seen move.

    Args:
        n_lanes: so many aliases are raced for side by side; a store may let a contended write wait for seconds.
    """
    registry = place.open()
    versions = [f"v{n}" for n in range(n_movers)]
    make_bundle(folder / "bundle", "v0")
    for version in versions:
        publish(registry, folder / "bundle", version)
    with ThreadPoolExecutor(n_lanes) as lanes:
        rounds = list(
            lanes.map(lambda lane: list(_lane(place.open(), versions, lane, n_rounds, n_lanes)), range(n_lanes))
        )
    found = [one for lane in rounds for one in lane]
    return Race(
        len(found),
        n_movers,
        sum(one.n_winners == 1 for one in found),
        sum(one.winner_holds for one in found),
        sum(one.n_told for one in found),
        sum(one.second_try_won for one in found),
        tuple(error for one in found for error in one.errors),
    )


@dataclass(frozen=True)
class _Round:
    n_winners: int
    winner_holds: bool
    n_told: int
    second_try_won: bool
    errors: tuple[str, ...]


def _lane(registry: Registry, versions: list[str], lane: int, n_rounds: int, n_lanes: int) -> Iterator[_Round]:
    for number in range(lane, n_rounds, n_lanes):
        yield _race_once(registry, versions, f"race-{number}")


def _race_once(registry: Registry, versions: list[str], alias: str) -> _Round:
    # A chain of its own for each round: every mover reads all of it.
    seen = promote(registry, versions[0], None, alias=alias)
    start = threading.Barrier(len(versions))

    def move(version: str) -> Move | FslError:
        start.wait()
        try:
            return promote(registry, version, seen, alias=alias, who=version)
        except FslError as error:
            return error

    with ThreadPoolExecutor(len(versions)) as pool:
        said = list(pool.map(move, versions))
    won = [one for one in said if isinstance(one, Move)]
    told = [one for one in said if isinstance(one, AliasMoved)]
    others = [one for one in said if isinstance(one, FslError) and not isinstance(one, AliasMoved)]
    chain = read_moves(registry, alias)
    holds = chain[-len(won) :] == tuple(won) and len(chain) == seen.seq + 1
    again = promote(registry, versions[0], chain[-1], alias=alias)
    n_told = sum(f"{one.winner_who} moved {alias!r}" in str(one) and one.winner_who == won[0].who for one in told)
    return _Round(len(won), holds, n_told, current_move(registry, alias) == again, tuple(map(str, others)))


@dataclass(frozen=True)
class Reading:
    """What readers saw while an alias moved."""

    n_promotions: int
    n_reads: int
    n_moves_seen: int  # different moves that were read while they held
    n_older_after_newer: int
    n_torn: int  # loaded, and not byte for byte what was published
    errors: tuple[str, ...]


def read_while_moving(place: Place, folder: Path, *, n_promotions: int, n_reads: int, n_readers: int = 4) -> Reading:
    """Resolve and load the champion in many threads while another moves it to and fro."""
    registry = place.open()
    versions = ("v1", "v2", "v3")
    expected = {}
    for version in versions:
        bundle = make_bundle(folder / version, version)
        publish(registry, bundle, version)
        expected[version] = contents(bundle)
    aliases = [f"{ALIAS}-{n}" for n in range(-(-n_promotions // PROMOTIONS_PER_ALIAS))]
    moves = {alias: promote(registry, versions[0], None, alias=alias) for alias in aliases}
    course = _Course(aliases[0], threading.Event(), count(), n_reads)
    with ThreadPoolExecutor(n_readers) as pool:
        readers = [pool.submit(_read_on, place.open(), folder / "cache", expected, course) for _ in range(n_readers)]
        try:
            for n in range(n_promotions):
                course.alias = aliases[n // PROMOTIONS_PER_ALIAS]
                to = versions[(n + 1) % len(versions)]
                moves[course.alias] = promote(registry, to, moves[course.alias], alias=course.alias)
        finally:
            course.moved.set()
        views = [reader.result() for reader in readers]
    return Reading(
        n_promotions,
        sum(view.n_reads for view in views),
        len({seq for view in views for seq in view.seqs}),
        sum(view.n_older for view in views),
        sum(view.n_torn for view in views),
        tuple(error for view in views for error in view.errors),
    )


@dataclass
class _Course:
    """What mover and readers share."""

    alias: str  # that moves just now
    moved: threading.Event  # set behind the last promotion
    numbers: Iterator[int]  # of reads
    n_reads: int


@dataclass(frozen=True)
class _View:
    n_reads: int
    seqs: frozenset[tuple[str, int]]
    n_older: int
    n_torn: int
    errors: tuple[str, ...]


def _read_on(registry: Registry, cache: Path, expected: dict[str, dict[str, bytes]], course: _Course) -> _View:
    known: dict[str, Move] = {}
    n_own = n_older = n_torn = 0
    seqs: set[tuple[str, int]] = set()
    errors: list[str] = []
    # On until both are done: enough reads, and the last promotion.
    while next(course.numbers) < course.n_reads or not course.moved.is_set():
        course.moved.wait(PAUSE_SECONDS)
        n_own += 1
        from_scratch = n_own % FROM_SCRATCH_EVERY == 0
        alias = course.alias
        before = known.get(alias)
        try:
            move = current_move(registry, alias, known=None if from_scratch else before)
            assert move is not None
            n_older += before is not None and move.seq < before.seq
            known[alias] = move
            seqs.add((alias, move.seq))
            n_torn += _load(registry, move.version, cache, cold=from_scratch) != expected[move.version]
        except FslError as error:
            errors.append(str(error))
    return _View(n_own, frozenset(seqs), n_older, n_torn, tuple(errors))


def _load(registry: Registry, version: str, cache: Path, *, cold: bool) -> dict[str, bytes]:
    if not cold:
        return contents(fetch_version(registry, version, cache))
    with tempfile.TemporaryDirectory() as empty:
        return contents(fetch_version(registry, version, Path(empty)))
