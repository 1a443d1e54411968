import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsl.store import errors, layout, registry_errors
from fsl.store.aliases import (
    Move,
    current_move,
    list_aliases,
    move_alias,
    read_moves,
    rollback,
    rolled_back_versions,
)
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, load_manifest, publish_version

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def versions(store: ObjectStore, tmp_path: Path) -> None:
    """Versions to move to."""
    (tmp_path / "head.onnx").write_bytes(b"hello")
    for version in ("v1", "v2", "v3"):
        publish_version(Registry(store), version, tmp_path, facts={}, now=NOW)


def promote(store: ObjectStore, to: str, seen: Move | None, *, who: str = "ana") -> Move:
    return move_alias(Registry(store), "champion", to=to, seen=seen, verdict="promote", who=who, why="better", now=NOW)


def promote_all(store: ObjectStore, *versions: str) -> Move:
    move = current_move(Registry(store), "champion")
    for version in versions:
        move = promote(store, version, move)
    assert move is not None
    return move


def test_an_alias_that_was_never_moved_names_nothing(store: ObjectStore) -> None:
    assert current_move(Registry(store), "champion") is None
    assert read_moves(Registry(store), "champion") == ()


@pytest.mark.conformance
def test_moves_are_read_as_they_were_made(store: ObjectStore) -> None:
    first = promote(store, "v1", None)
    second = promote(store, "v2", first)

    assert read_moves(Registry(store), "champion") == (first, second)
    assert current_move(Registry(store), "champion") == second
    assert (second.seq, second.version, second.previous) == (2, "v2", first.digest)
    assert list_aliases(Registry(store)) == ("champion",)


def test_a_move_is_what_the_protocol_says(store: ObjectStore) -> None:
    first = promote(store, "v1", None, who="Zoë")
    promote(store, "v2", first)
    data = store.get("models/aliases/champion/00000001.json")

    document = json.loads(data)
    assert len(document.pop("nonce")) == 16
    assert document == {
        "schema": 2,
        "alias": "champion",
        "seq": 1,
        "version": "v1",
        "verdict": "promote",
        "who": "Zoë",
        "why": "better",
        "when": "2026-03-01T12:00:00+00:00",
        "previous": None,
        "rolled_back": None,
        "manifest": load_manifest(Registry(store), "v1").digest,
        "registry": None,
    }
    second = json.loads(store.get("models/aliases/champion/00000002.json"))
    assert second["previous"] == hashlib.sha256(data).hexdigest()


def test_of_sixteen_promotions_from_the_same_move_one_wins(store: ObjectStore) -> None:
    seen = promote(store, "v1", None)

    def try_it(racer: int) -> Move | registry_errors.AliasMoved:
        try:
            return promote(store, "v2" if racer % 2 else "v3", seen, who=f"racer-{racer}")
        except registry_errors.AliasMoved as error:
            return error

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(try_it, range(16)))

    winners = [result for result in results if isinstance(result, Move)]
    losers = [result for result in results if isinstance(result, registry_errors.AliasMoved)]
    assert len(winners) == 1
    assert {(loser.winner_who, loser.winner_version, loser.winner_seq) for loser in losers} == {
        (winners[0].who, winners[0].version, 2)
    }
    assert read_moves(Registry(store), "champion") == (seen, winners[0])


@pytest.mark.conformance
def test_a_loser_gets_a_sentence_and_may_look_again(store: ObjectStore) -> None:
    promote(store, "v1", None, who="ben")

    with pytest.raises(
        registry_errors.AliasMoved, match=r"ben moved 'champion' to 'v1' \(move 1\) after no move at all was seen"
    ):
        promote(store, "v2", None)
    assert promote(store, "v2", current_move(Registry(store), "champion")).seq == 2


def test_the_same_move_made_twice_is_made_once(store: ObjectStore) -> None:
    move = promote(store, "v1", None)
    data = store.get(move.key)

    assert store.create(move.key, data)  # what a retried request meets: its own bytes
    assert read_moves(Registry(store), "champion") == (move,)


def test_a_version_that_is_not_there_cannot_be_promoted(store: ObjectStore) -> None:
    with pytest.raises(registry_errors.NoSuchVersion, match="'v9'"):
        promote(store, "v9", None)
    assert read_moves(Registry(store), "champion") == ()


@pytest.mark.parametrize("alias", ["../champion", "a/b", "", "."])
def test_an_alias_that_climbs_is_refused(store: ObjectStore, alias: str) -> None:
    with pytest.raises(errors.BadName):
        read_moves(Registry(store), alias)
    with pytest.raises(errors.BadName):
        move_alias(Registry(store), alias, to="v1", seen=None, verdict="promote", who="a", why="b", now=NOW)


@pytest.mark.conformance
def test_a_poll_from_a_known_move_reads_only_what_is_new(store: ObjectStore) -> None:
    first = promote(store, "v1", None)
    second = promote(store, "v2", first)
    store.delete(first.key)  # would be a gap, if it were looked at

    assert read_moves(Registry(store), "champion", known=first) == (second,)
    assert current_move(Registry(store), "champion", known=first) == second
    assert current_move(Registry(store), "champion", known=second) == second


def edit(store: ObjectStore, seq: int, **changes: object) -> None:
    key = layout.move("champion", seq)
    store.put(key, json.dumps(json.loads(store.get(key)) | changes).encode())


Damage = Callable[[ObjectStore], None]
BROKEN: dict[str, tuple[Damage, str]] = {
    "the first is gone": (lambda s: s.delete(layout.move("champion", 1)), "move 1 is missing"),
    "one in the middle is gone": (lambda s: s.delete(layout.move("champion", 2)), "move 2 is missing"),
    "an old one was edited": (lambda s: edit(s, 1, version="v3"), "does not follow from move 1"),
    "one was edited": (lambda s: edit(s, 2, who="somebody else"), "does not follow from move 2"),
    "an old one is replayed": (
        lambda s: s.put(layout.move("champion", 4), s.get(layout.move("champion", 2))),
        "holds move 2 of alias 'champion'",
    ),
    "one comes from another chain": (lambda s: edit(s, 3, previous="0" * 64), "does not follow from move 2"),
    "one begins a chain of its own": (lambda s: edit(s, 3, previous=None), "does not follow from move 2"),
    "one is of another alias": (lambda s: edit(s, 3, alias="other"), "of alias 'other'"),
    "one is no JSON": (lambda s: s.put(layout.move("champion", 3), b"promote v3!"), "is not a document of its kind"),
    "one is no object": (lambda s: s.put(layout.move("champion", 3), b"[1]"), "is not a document of its kind"),
    "one lacks a field": (lambda s: s.put(layout.move("champion", 3), b'{"schema": 1}'), "is not a document"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_chain_is_refused_and_not_moved_on(store: ObjectStore, case: str) -> None:
    damage, words = BROKEN[case]
    last = promote_all(store, "v1", "v2", "v3")
    damage(store)
    n_objects = len(list(store.list(layout.ALIASES)))

    for action in (
        lambda: read_moves(Registry(store), "champion"),
        lambda: current_move(Registry(store), "champion"),
        lambda: promote(store, "v1", last),
        lambda: rollback(Registry(store), "champion", who="ana", why="bad", now=NOW),
    ):
        with pytest.raises(registry_errors.BrokenChain, match="cannot be trusted") as caught:
            action()
        assert words in str(caught.value)
    assert len(list(store.list(layout.ALIASES))) == n_objects


def test_a_store_that_went_back_is_not_moved_on(store: ObjectStore) -> None:
    last = promote_all(store, "v1", "v2")
    store.delete(last.key)

    with pytest.raises(registry_errors.BrokenChain, match="no longer holds move 2"):
        promote(store, "v3", last)


def test_a_move_of_a_newer_schema_says_update(store: ObjectStore) -> None:
    promote(store, "v1", None)
    edit(store, 1, schema=3)

    with pytest.raises(errors.NewerSchema, match="Update fsl here"):
        current_move(Registry(store), "champion")


def test_other_objects_beside_the_moves_are_left_alone(store: ObjectStore) -> None:
    move = promote(store, "v1", None)
    for name in ("notes.txt", "x00000002.json", "deeper/00000002.json", "2.json"):
        store.put(layout.moves("champion") + name, b"{}")

    assert current_move(Registry(store), "champion") == move


@pytest.mark.conformance
def test_a_rollback_is_a_new_move_to_the_version_before(store: ObjectStore) -> None:
    promote_all(store, "v1", "v2")

    move = rollback(Registry(store), "champion", who="ana", why="refunds are wrong", now=NOW)

    assert (move.seq, move.version, move.rolled_back, move.verdict) == (3, "v1", "v2", "rollback")
    assert move.why == "rolled back from v2: refunds are wrong"
    assert read_moves(Registry(store), "champion")[-1] == move
    assert rolled_back_versions(read_moves(Registry(store), "champion")) == {"v2"}


def test_two_rollbacks_go_two_versions_back_and_never_to_one_that_was_left(store: ObjectStore) -> None:
    promote_all(store, "v1", "v2", "v3")

    assert rollback(Registry(store), "champion", who="ana", why="bad", now=NOW).version == "v2"
    assert rollback(Registry(store), "champion", who="ana", why="bad", now=NOW).version == "v1"
    with pytest.raises(registry_errors.NothingToRollBackTo, match="no version but 'v1'"):
        rollback(Registry(store), "champion", who="ana", why="bad", now=NOW)


def test_promoting_a_version_again_clears_its_mark(store: ObjectStore) -> None:
    promote_all(store, "v1", "v2")
    rollback(Registry(store), "champion", who="ana", why="bad", now=NOW)
    promote_all(store, "v2")

    assert rolled_back_versions(read_moves(Registry(store), "champion")) == frozenset()


def test_an_alias_that_was_never_moved_cannot_be_rolled_back(store: ObjectStore) -> None:
    with pytest.raises(registry_errors.NoSuchAlias, match="fsl models promote"):
        rollback(Registry(store), "champion", who="ana", why="bad", now=NOW)


def test_aliases_do_not_mix(store: ObjectStore) -> None:
    promote(store, "v1", None)
    other = move_alias(Registry(store), "champion-eu", to="v2", seen=None, verdict="promote", who="a", why="b", now=NOW)

    assert current_move(Registry(store), "champion-eu") == other
    assert read_moves(Registry(store), "champion")[-1].version == "v1"
    assert list_aliases(Registry(store)) == ("champion", "champion-eu")
