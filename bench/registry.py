"""The registry's promises in full: races, kills, damage and a careless store, each at a server of its own; and costs.

Each cell is one trial, or one cost. What a trial does stands in `bench.parts.registry`: `races`, `publisher_kills`,
`store_kills` and `damage`; `costs` are beside them. `tests/fsl/store/test_invariants.py` runs the same in short.
A promise that did not hold is an exception, so that no table tells of it as of a figure.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.cells import Facts, machine, run_cell
from bench.parts.registry.costs import costs_words, measure_cycle, measure_load, measure_publication
from bench.parts.registry.damage import flip_bytes, meet_careless_store
from bench.parts.registry.place import Place
from bench.parts.registry.publisher_kills import LARGE_BYTES, is_of_parts, kill_publisher
from bench.parts.registry.races import PROMOTIONS_PER_ALIAS, race_movers, read_while_moving
from bench.parts.registry.store_kills import kill_store
from fsl.config import StoreConfig
from fsl.store.embedded.server import EmbeddedServer
from fsl.store.objects import ObjectStore

BUCKET = "bench"


@dataclass(frozen=True)
class Sizes:
    """How much of each trial."""

    n_rounds: int = 200
    n_promotions: int = 1000
    n_reads: int = 10_000
    n_store_kills: int = 20
    n_positions: int = 200


QUICK = Sizes(n_rounds=10, n_promotions=50, n_reads=300, n_store_kills=1, n_positions=20)
Trial = Callable[[EmbeddedServer, Path, Sizes], Facts]


def run(*, quick: bool) -> str:
    """Try everything and return the section of docs/benchmarks.md."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it warns of a pool that 32 movers outgrow
    every = {**_TRIALS, **_COSTS}
    if quick:
        return section({name: _run(trial, QUICK) for name, trial in every.items()}, machine())
    cells = {
        name: run_cell("registry", name, lambda trial=trial: _run(trial, Sizes()))  # type: ignore[misc]
        for name, trial in every.items()
    }
    return section(cells, cells["movers"]["machine"])


def section(cells: Mapping[str, Facts], measured_on: str) -> str:
    """Return the table of what was tried and what was found, and that of the costs."""
    tried = [f"| {cells[name]['tried']} | {cells[name]['found']} |" for name in _TRIALS]
    costs = [row for name in _COSTS for row in cells[name]["rows"]]
    cycle = [row for name in _COSTS for row in cells[name].get("cycle_rows", ())]
    parts = [
        ["## The registry", "", f"`python -m bench registry`. Machine: {measured_on}."],
        ["", "| tried | found |", "|---|---|", *tried],
        ["", costs_words(), "", "| cost | median (least, most) | requests | aim |", "|---|---|---|---|", *costs],
        ["", "| stage of a cycle | requests | MB up | MB down | US dollars |", "|---|---|---|---|---|", *cycle],
    ]
    return "\n".join([line for part in parts for line in part] + [""])


def _run(trial: Trial, sizes: Sizes) -> Facts:
    with tempfile.TemporaryDirectory() as scratch, _server(Path(scratch)) as server:
        return trial(server, Path(scratch) / "work", sizes)


@contextmanager
def _server(scratch: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(scratch / "server")
    try:
        endpoint = server.start()
        config = StoreConfig(endpoint_url=endpoint.url, bucket=BUCKET)
        ObjectStore.connect(config, credentials=endpoint.credentials).ensure_bucket()
        yield server
    finally:
        server.stop()


def _place(server: EmbeddedServer) -> Place:
    endpoint = server.start()
    return Place(endpoint.url, BUCKET, endpoint.credentials).fresh()


def _movers(server: EmbeddedServer, folder: Path, sizes: Sizes) -> Facts:
    race = race_movers(_place(server), folder, n_rounds=sizes.n_rounds, n_lanes=5)
    assert race.errors == (), race.errors
    assert race.n_rounds_with_one_winner == race.n_rounds_whose_winner_holds == race.n_second_tries_that_won
    assert race.n_rounds_with_one_winner == race.n_rounds
    assert race.n_losers_told == race.n_rounds * (race.n_movers - 1)
    return {
        **asdict(race),
        "tried": f"{race.n_movers} promotions at once from the same seen move, {race.n_rounds} rounds",
        "found": f"one winner in each; {race.n_losers_told} losers were told who, and could look again",
    }


def _readers(server: EmbeddedServer, folder: Path, sizes: Sizes) -> Facts:
    read = read_while_moving(_place(server), folder, n_promotions=sizes.n_promotions, n_reads=sizes.n_reads)
    assert read.errors == (), read.errors
    assert read.n_torn == read.n_older_after_newer == 0
    return {
        **asdict(read),
        "tried": f"{read.n_reads} reads in 4 threads while {read.n_promotions} promotions ran, "
        f"{PROMOTIONS_PER_ALIAS} to an alias",
        "found": f"{read.n_torn} torn or missing, {read.n_older_after_newer} older after newer",
    }


def _publisher(server: EmbeddedServer, folder: Path, sizes: Sizes) -> Facts:
    kills = kill_publisher(_place(server), folder)
    parts = kill_publisher(_place(server), folder, is_meant=is_of_parts, n_bytes=LARGE_BYTES)
    assert kills.faults == parts.faults == (), kills.faults + parts.faults
    return {
        **asdict(kills),
        "parts": asdict(parts),
        "tried": f"kill -9 of a publisher before and behind each of its {kills.n_requests} requests, and each of the "
        f"{parts.n_requests} of a large upload",
        "found": f"the old champion loaded {kills.n_old_champion + parts.n_old_champion} times and the new one "
        f"{kills.n_new_champion + parts.n_new_champion}; each second try published; no orphan after cleaning",
    }


def _store(server: EmbeddedServer, folder: Path, sizes: Sizes) -> Facts:
    kills = kill_store(server, BUCKET, folder, n_kills=sizes.n_store_kills)
    assert kills.faults == (), kills.faults
    return {
        **asdict(kills),
        "tried": f"kill -9 of the store {kills.n_kills} times while 3 writers published and promoted",
        "found": f"all of {kills.n_versions} versions and {kills.n_moves} moves that were acknowledged; writers met "
        f"{kills.n_refusals} errors ({', '.join(kills.refusals)}) and went on",
    }


def _flips(server: EmbeddedServer, folder: Path, sizes: Sizes) -> Facts:
    flips = flip_bytes(_place(server), folder, n_positions=sizes.n_positions)
    assert flips.missed == (), flips.missed
    return {
        **asdict(flips),
        "tried": f"one flipped bit at {flips.n_in_store} positions of a signed version's files in the store, and at "
        f"{flips.n_in_cache} in the cache",
        "found": f"{flips.n_in_store_found} refused on load, {flips.n_harmless} without meaning; "
        f"{flips.n_in_cache_mended} mended from the store",
    }


def _careless(server: EmbeddedServer, folder: Path, sizes: Sizes) -> Facts:
    careless = meet_careless_store(_place(server))
    assert careless.refusal
    assert careless.left == (), careless.left
    return {
        **asdict(careless),
        "tried": "a store that ignores `If-None-Match: *`",
        "found": f"refused after {careless.n_create_only} such writes; {len(careless.left)} objects left",
    }


def _publication(server: EmbeddedServer, folder: Path, sizes: Sizes) -> Facts:
    return measure_publication(_place(server))


def _load(server: EmbeddedServer, folder: Path, sizes: Sizes) -> Facts:
    return measure_load(_place(server))


def _cycle(server: EmbeddedServer, folder: Path, sizes: Sizes) -> Facts:
    return measure_cycle(server.start(), quick=sizes is QUICK)


_COSTS: dict[str, Trial] = {"publication": _publication, "load": _load, "cycle": _cycle}
_TRIALS: dict[str, Trial] = {
    "movers": _movers,
    "readers": _readers,
    "publisher": _publisher,
    "store": _store,
    "flips": _flips,
    "careless": _careless,
}
