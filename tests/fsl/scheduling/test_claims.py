"""Claims on a real store: one does it and the others say so, and the dead block nobody."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event

import pytest

from fsl.scheduling.claims import (
    Busy,
    ClaimLost,
    Held,
    Ticket,
    claim,
    ensure_held,
    holder_of,
    release,
    renew,
    take,
    take_or_see,
)
from fsl.store import layout
from fsl.store.objects import ObjectStore

LONG, SHORT = timedelta(minutes=2), timedelta(seconds=0.5)


def taken(store: ObjectStore, holder: str, *, expiry: timedelta = LONG, subject: str = "") -> Ticket:
    got = take(store, "retrain", "champion", expiry=expiry, subject=subject, holder=holder)
    assert isinstance(got, Ticket)
    return got


def wait_until_free(store: ObjectStore) -> None:
    while holder_of(store, "retrain", "champion", expiry=LONG) is not None:
        time.sleep(0.2)


def test_of_ten_starts_at_once_one_does_it_and_nine_say_who(store: ObjectStore) -> None:
    together, nine_were_told = Barrier(10), Event()
    done: list[int] = []
    told: list[str] = []

    def start(number: int) -> None:
        together.wait()
        with claim(store, "batch", "5e1f", expiry=LONG, holder=f"worker {number}") as got:
            if isinstance(got, Busy):
                told.append(str(got))
                if len(told) == 9:
                    nine_were_told.set()
                return
            done.append(number)
            nine_were_told.wait(60)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(start, range(10)))

    assert len(done) == 1
    assert len(told) == 9
    assert all(words.startswith(f"worker {done[0]} is at it (claim 1") for words in told)


def test_what_was_given_back_can_be_taken_at_once_under_the_next_number(store: ObjectStore) -> None:
    first = taken(store, "ana")
    release(store, first, "promote")

    assert (first.fence, taken(store, "bo").fence) == (1, 2)


def test_an_error_inside_gives_the_claim_back_and_says_how_it_went(store: ObjectStore) -> None:
    with pytest.raises(ZeroDivisionError), claim(store, "retrain", "champion", expiry=LONG, holder="ana"):
        raise ZeroDivisionError

    assert b"failed: ZeroDivisionError" in store.get(layout.claim_sign("retrain", "champion", 1))
    assert taken(store, "bo").fence == 2


def test_a_dead_worker_is_passed_over_after_its_expiry_and_not_before(store: ObjectStore) -> None:
    taken(store, "the dead", expiry=SHORT)

    early = take(store, "retrain", "champion", expiry=LONG, subject="", holder="bo")
    wait_until_free(store)

    assert isinstance(early, Busy)
    assert early.holder == "the dead"
    assert taken(store, "bo").fence == 2


def test_a_worker_that_lives_keeps_its_claim_beyond_the_expiry(store: ObjectStore) -> None:
    with claim(store, "retrain", "champion", expiry=SHORT, holder="ana") as got:
        assert isinstance(got, Held)
        time.sleep(3.5)  # expiry and slack are over; only signs of life can keep it

        assert isinstance(take(store, "retrain", "champion", expiry=LONG, subject="", holder="bo"), Busy)
        got.ensure()


def test_a_worker_that_was_passed_over_finds_out_before_it_moves_anything(store: ObjectStore) -> None:
    sleeper = taken(store, "sleeper", expiry=SHORT)
    wait_until_free(store)
    other = taken(store, "bo")

    with pytest.raises(ClaimLost, match=r"claim 1 on retrain champion was taken over.*the other worker goes on"):
        ensure_held(store, sleeper)
    with pytest.raises(ClaimLost):
        renew(store, sleeper)
    ensure_held(store, other)


def test_a_claim_whose_numbers_were_cleaned_away_is_lost(store: ObjectStore) -> None:
    ticket = taken(store, "sleeper")
    store.delete(layout.claim("retrain", "champion", 1))

    with pytest.raises(ClaimLost):
        ensure_held(store, ticket)
    assert taken(store, "bo").fence == 1
    with pytest.raises(ClaimLost):  # the same number, in another hand
        ensure_held(store, ticket)


def test_an_unreadable_claim_blocks_nobody_for_longer_than_the_askers_expiry(store: ObjectStore) -> None:
    store.create(layout.claim("retrain", "champion", 1), b'{"schema": 1, "expiry_seconds": "forever"}')
    assert isinstance(take(store, "retrain", "champion", expiry=LONG, subject="", holder="bo"), Busy)
    time.sleep(3.2)

    assert isinstance(take(store, "retrain", "champion", expiry=SHORT, subject="", holder="bo"), Ticket)


def test_age_is_told_by_the_store(store: ObjectStore) -> None:
    store.put("old", b"")
    time.sleep(3.1)  # the store tells whole seconds
    store.put("new", b"")

    old, new = store.age("old"), store.age("new")
    assert old is not None
    assert new is not None
    assert old - new >= timedelta(seconds=2)
    assert store.age("never") is None


def test_who_starts_after_a_crash_goes_on_in_the_dead_workers_place(store: ObjectStore) -> None:
    taken(store, "the dead", expiry=SHORT, subject="5e1f")

    got = take_or_see(store, "retrain", "champion", expiry=SHORT, subject="5e1f", holder="bo")

    assert isinstance(got, Ticket)
    assert got.fence == 2


def test_who_starts_beside_a_living_worker_leaves_the_work_to_it(store: ObjectStore) -> None:
    with claim(store, "retrain", "champion", expiry=timedelta(seconds=4), subject="5e1f", holder="ana"):
        got = take_or_see(store, "retrain", "champion", expiry=LONG, subject="5e1f", holder="bo")

    assert isinstance(got, Busy)
    assert (got.holder, got.subject) == ("ana", "5e1f")
