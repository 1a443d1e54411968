"""Claims: who does what just now, so that ten starts of the same thing do it once and nobody waits for the dead.

Everything rests on create-only writes. A claim is a row of numbered objects, its fences: whoever creates the next
number holds the claim. While it lives, the holder writes its sign of life over and over; a holder that was not heard
of for longer than the expiry that it named is passed over by creating the next number, and of any that try, one does.
How long ago is told by the store alone: when it says the sign was written, and the time at which it answers. A worker
with a wrong clock does no harm.

What is guaranteed: no two workers hold the same number, and a number is never held again. A worker that was passed over
learns it from `ensure_held`, which is asked right before the champion moves. Should it fall asleep between that
question and its move, then `fsl.store.aliases` decides: a move is create-only and numbered after the one its author
saw, so of the old holder and the new one exactly one moves the alias, and the other gets AliasMoved. What is not
guaranteed is which of the two. Work that both did meanwhile is the same work under the same digests (`fsl.runs.steps`).
"""

import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from os import getpid

from pydantic import Field

from fsl.errors import FslError
from fsl.store import documents, layout
from fsl.store.errors import DamagedObject, NewerSchema
from fsl.store.keys import checked_name
from fsl.store.objects import ObjectStore

log = logging.getLogger(__name__)

SCHEMA = 1
SIGNS_PER_EXPIRY = 4  # so three in a row may get lost
SLACK = timedelta(seconds=2)  # the store tells whole seconds, at both ends
MAX_POLL_SECONDS = 2.0
MAX_EXPIRY_SECONDS = 86_400.0  # whatever a claim says of itself, it blocks nobody for longer than a day


@dataclass(eq=False)
class ClaimLost(FslError):
    """Another worker went on in this one's place."""

    kind: str
    key: str
    fence: int

    def __str__(self) -> str:
        return (
            f"this worker's claim {self.fence} on {self.kind} {self.key} was taken over, since nothing was heard of it "
            "for longer than `claims.expiry_seconds`. It moved nothing; what it finished is kept, and the other worker "
            "goes on from there."
        )


@dataclass(frozen=True, slots=True)
class Ticket:
    """The proof of a claim; it may travel to another process."""

    kind: str
    key: str
    fence: int
    nonce: str
    holder: str


@dataclass(frozen=True, slots=True)
class Busy:
    """The answer to all but one: somebody else has it."""

    kind: str
    key: str
    fence: int
    holder: str
    subject: str  # what exactly it does, where the claim covers more than one thing
    seconds_silent: float  # since its last sign of life

    def __str__(self) -> str:
        return f"{self.holder} is at it (claim {self.fence}, last heard of {self.seconds_silent:.0f} s ago)"


@dataclass
class Held:
    """A claim while it is held."""

    store: ObjectStore
    ticket: Ticket
    outcome: str = field(default="", init=False)  # written down when the claim is given back

    def ensure(self) -> None:
        """Raise ClaimLost where another worker took over."""
        ensure_held(self.store, self.ticket)


class FenceDocument(documents.Document):
    """One number of a claim."""

    schema_: int = Field(default=SCHEMA, alias="schema")
    holder: str
    subject: str
    nonce: str
    expiry_seconds: float = Field(gt=0)


class SignDocument(documents.Document):
    """A sign of life. The last one says that the claim was given back, and how it went."""

    nonce: str
    released: bool
    outcome: str = ""


def worker_name() -> str:
    """Return how this process is called in its claims."""
    return f"process {getpid()} on {socket.gethostname()}"


@contextmanager
def claim(
    store: ObjectStore, kind: str, key: str, *, expiry: timedelta, subject: str = "", holder: str | None = None
) -> Iterator[Held | Busy]:
    """Hold a claim for the length of the block, or learn who has it.

    Args:
        kind, key: what is claimed.
        expiry: how long this worker may be silent before another one goes on in its place.
        subject: what exactly is done under the claim, for whoever finds it taken.
    """
    got = take(store, kind, key, expiry=expiry, subject=subject, holder=holder or worker_name())
    if isinstance(got, Busy):
        yield got
        return
    with holding(store, got, expiry=expiry) as held:
        yield held


@contextmanager
def holding(store: ObjectStore, ticket: Ticket, *, expiry: timedelta) -> Iterator[Held]:
    """Keep a claim that was taken alive for the length of the block, then give it back."""
    held = Held(store, ticket)
    with _signing(store, ticket, expiry):
        try:
            yield held
        except BaseException as error:
            held.outcome = held.outcome or f"failed: {type(error).__name__}"
            raise
        finally:
            # Without it, the next one waits for the expiry and goes on: giving back is a kindness.
            with suppress(FslError):
                release(store, ticket, held.outcome)


def take(store: ObjectStore, kind: str, key: str, *, expiry: timedelta, subject: str, holder: str) -> Ticket | Busy:
    """Take a claim that is free, given back or expired, or say who has it."""
    checked_name("a kind of claim", kind), checked_name("a claim", key)
    last = last_fence(store, kind, key)
    if last is not None:
        other = _holder_of(store, kind, key, last, expiry)
        if other is not None:
            return other
    fence, nonce = (last or 0) + 1, secrets.token_hex(8)
    document = {
        "schema": SCHEMA,
        "holder": holder,
        "subject": subject,
        "nonce": nonce,
        "expiry_seconds": expiry.total_seconds(),
    }
    if store.create(layout.claim(kind, key, fence), documents.to_bytes(document)):
        log.info("%s has claim %d on %s %s", holder, fence, kind, key)
        return Ticket(kind, key, fence, nonce, holder)
    winner = read_fence(store, kind, key, fence)
    return Busy(kind, key, fence, winner.holder if winner else "another worker", winner.subject if winner else "", 0.0)


def take_or_see(
    store: ObjectStore, kind: str, key: str, *, expiry: timedelta, subject: str, holder: str, same_only: bool = False
) -> Ticket | Busy:
    """Take a claim as `take` does; but believe that somebody else has it only once that holder gave a sign of life.

    Who starts right after a crash thus goes on in the dead worker's place, and does not leave the work to it. It takes
    until the other's next sign, or its expiry.

    Args:
        same_only: return at once where the other does something else than `subject`.
    """
    got = take(store, kind, key, expiry=expiry, subject=subject, holder=holder)
    first = _sign_seen(store, got)
    while isinstance(got, Busy) and not (same_only and got.subject != subject):
        time.sleep(min(MAX_POLL_SECONDS, expiry.total_seconds() / (2 * SIGNS_PER_EXPIRY)))
        if _sign_seen(store, got) != first:
            last = take(store, kind, key, expiry=expiry, subject=subject, holder=holder)  # its sign may be a farewell
            return last
        got = take(store, kind, key, expiry=expiry, subject=subject, holder=holder)
    return got


def ensure_held(store: ObjectStore, ticket: Ticket) -> None:
    """Raise ClaimLost unless the ticket's number is the last one. To be asked right before what must happen once."""
    # The next number first: old numbers are cleaned away from the lowest on, so that where this worker's own still
    # stands, none above it was removed before the question was put.
    following = store.head(layout.claim(ticket.kind, ticket.key, ticket.fence + 1))
    own = None if following else read_fence(store, ticket.kind, ticket.key, ticket.fence)
    if own is None or own.nonce != ticket.nonce:
        raise ClaimLost(ticket.kind, ticket.key, ticket.fence)


def renew(store: ObjectStore, ticket: Ticket) -> None:
    """Give a sign of life. Raises ClaimLost."""
    ensure_held(store, ticket)
    _sign(store, ticket, released=False)


def release(store: ObjectStore, ticket: Ticket, outcome: str = "") -> None:
    """Give the claim back, so that the next one need not wait."""
    _sign(store, ticket, released=True, outcome=outcome)
    log.info("%s gave back claim %d on %s %s", ticket.holder, ticket.fence, ticket.kind, ticket.key)


def holder_of(store: ObjectStore, kind: str, key: str, *, expiry: timedelta) -> Busy | None:
    """Return who holds a claim now, or None where nobody living does."""
    last = last_fence(store, kind, key)
    return None if last is None else _holder_of(store, kind, key, last, expiry)


def last_fence(store: ObjectStore, kind: str, key: str) -> int | None:
    """Return the highest number of a claim, or None where it was never taken."""
    numbers = (layout.sequence_of(info.key) for info in store.list(layout.claims(kind, key)))
    return max((number for number in numbers if number is not None), default=None)


def read_fence(store: ObjectStore, kind: str, key: str, fence: int) -> FenceDocument | None:
    """Return what a claim's number says of itself, or None where it is missing or cannot be read."""
    return _find(store, layout.claim(kind, key, fence), FenceDocument)


def read_sign(store: ObjectStore, kind: str, key: str, fence: int) -> SignDocument | None:
    """Return a number's last sign of life, or None where there is none that can be read."""
    return _find(store, layout.claim_sign(kind, key, fence), SignDocument)


def _find(store: ObjectStore, key: str, kind: type[documents.DocumentT]) -> documents.DocumentT | None:
    data = store.find(key)
    with suppress(DamagedObject, NewerSchema):
        return documents.parse(kind, data, store.where(key), schema_key="schema", schema=SCHEMA) if data else None
    return None


def _holder_of(store: ObjectStore, kind: str, key: str, fence: int, expiry: timedelta) -> Busy | None:
    """Return who holds this number, or None where it was given back or its holder is silent for too long."""
    sign = read_sign(store, kind, key, fence)
    if sign is not None and sign.released:
        return None
    silent = store.age(layout.claim_sign(kind, key, fence))
    silent = store.age(layout.claim(kind, key, fence)) if silent is None else silent
    found = read_fence(store, kind, key, fence)
    if silent is None:  # cleaned away just now
        return None
    # What cannot be read is nobody's promise: then the asker's own expiry holds.
    seconds = min(found.expiry_seconds if found else expiry.total_seconds(), MAX_EXPIRY_SECONDS)
    if silent > timedelta(seconds=seconds) + SLACK:
        log.warning("claim %d on %s %s is silent for %.0f s: passing it over", fence, kind, key, silent.total_seconds())
        return None
    holder, subject = (found.holder, found.subject) if found else ("another worker", "")
    return Busy(kind, key, fence, holder, subject, silent.total_seconds())


def _sign_seen(store: ObjectStore, got: Ticket | Busy) -> tuple[int, str | None]:
    info = store.head(layout.claim_sign(got.kind, got.key, got.fence))
    return got.fence, info.etag if info else None


def _sign(store: ObjectStore, ticket: Ticket, *, released: bool, outcome: str = "") -> None:
    # A number of chance, so that each sign is seen to be another one.
    sign = secrets.token_hex(4)
    document = {"schema": SCHEMA, "nonce": ticket.nonce, "sign": sign, "released": released, "outcome": outcome}
    store.put(layout.claim_sign(ticket.kind, ticket.key, ticket.fence), documents.to_bytes(document))


@contextmanager
def _signing(store: ObjectStore, ticket: Ticket, expiry: timedelta) -> Iterator[None]:
    """Give signs of life from a thread of its own, until the block ends or the claim is lost."""
    over = threading.Event()

    def sign() -> None:
        while not over.wait(expiry.total_seconds() / SIGNS_PER_EXPIRY):
            try:
                renew(store, ticket)
            except ClaimLost as lost:
                log.warning("%s", lost)
                return
            except FslError as error:  # the store is away: whoever asks before moving anything will learn more
                log.warning("no sign of life for claim %d on %s %s: %s", ticket.fence, ticket.kind, ticket.key, error)

    thread = threading.Thread(target=sign, name=f"claim {ticket.kind} {ticket.key}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=expiry.total_seconds())
