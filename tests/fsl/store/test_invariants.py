"""What the registry promises whatever happens, tried in short. `bench/registry.py` runs the same trials in full."""

from pathlib import Path

from bench.parts.registry.damage import flip_bytes, meet_careless_store
from bench.parts.registry.place import Place
from bench.parts.registry.publisher_kills import LARGE_BYTES, is_of_parts, kill_publisher
from bench.parts.registry.races import race_movers, read_while_moving
from bench.parts.registry.store_kills import kill_store
from fsl.store.embedded.server import EmbeddedServer


def test_of_32_movers_from_one_seen_move_one_wins_and_the_rest_may_look_again(place: Place, tmp_path: Path) -> None:
    race = race_movers(place, tmp_path, n_rounds=10, n_movers=32, n_lanes=5)

    assert race.errors == ()
    assert race.n_rounds_with_one_winner == race.n_rounds_whose_winner_holds == race.n_second_tries_that_won == 10
    assert race.n_losers_told == 10 * 31


def test_readers_beside_a_mover_load_whole_versions_and_never_go_back(place: Place, tmp_path: Path) -> None:
    reading = read_while_moving(place, tmp_path, n_promotions=50, n_reads=300)

    assert reading.errors == ()
    assert (reading.n_older_after_newer, reading.n_torn) == (0, 0)
    assert reading.n_reads >= 300
    assert reading.n_moves_seen > 5


def test_a_publisher_killed_at_any_request_leaves_a_champion_and_a_way_on(place: Place, tmp_path: Path) -> None:
    kills = kill_publisher(place, tmp_path)

    assert kills.faults == ()
    assert kills.n_kills == 2 * kills.n_requests >= 2 * 12
    assert kills.n_old_champion + kills.n_new_champion == kills.n_kills
    assert kills.n_new_champion >= 1  # the move is the last request: behind it, the new one holds


def test_a_publisher_killed_in_a_large_upload_leaves_no_parts(place: Place, tmp_path: Path) -> None:
    kills = kill_publisher(place, tmp_path, is_meant=is_of_parts, n_bytes=LARGE_BYTES)

    assert kills.faults == ()
    assert kills.n_kills == kills.n_old_champion == 2 * kills.n_requests >= 2 * 4


def test_a_store_killed_during_writes_has_all_that_it_acknowledged(own_server: EmbeddedServer, tmp_path: Path) -> None:
    kills = kill_store(own_server, "killed", tmp_path, n_kills=1)

    assert kills.faults == ()
    assert kills.n_versions >= 2 * 3 * 3
    assert kills.n_moves >= 3
    assert kills.n_refusals >= 1


def test_one_flipped_byte_is_found_in_the_store_and_mended_in_the_cache(place: Place, tmp_path: Path) -> None:
    flips = flip_bytes(place, tmp_path, n_positions=20)

    assert flips.missed == ()
    assert flips.n_in_store_found + flips.n_harmless == 20
    assert flips.n_in_store_found >= 15
    assert flips.n_in_cache_mended == 20


def test_a_store_that_ignores_create_only_is_left_as_it_was(place: Place) -> None:
    careless = meet_careless_store(place)

    assert careless.n_create_only >= 2
    assert "does not honour create-only writes" in careless.refusal
    assert careless.left == ()


def test_a_store_that_ignores_create_only_in_a_race_alone_is_left_as_it_was(place: Place) -> None:
    careless = meet_careless_store(place, is_careless=lambda request: "race" in request.path and request.is_create_only)

    assert "of 4 writers at once, 4 were told that they had won" in careless.refusal
    assert careless.left == ()
