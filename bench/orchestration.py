"""Flows running unattended: what Prefect costs, how soon a drop is taken up, and what kills and crowds leave behind.

Everything runs on a Prefect server and a store of its own, with an encoder of two thin layers, so that training costs
little and orchestration shows. The bodies are those of `parts.orchestration`, which the tests share.
"""

import multiprocessing
import os
import random
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.cells import Facts, chosen_begins, machine, read_cell, run_cell
from bench.parts.orchestration import kills, outages, stage
from bench.parts.orchestration.tables import section
from fsl.config import ClaimsConfig, StoreConfig
from fsl.project import Project
from fsl.store.aliases import CHAMPION, read_moves
from fsl.store.embedded.server import running
from fsl.store.objects import ObjectStore
from fsl.workspace import store_environment

BUCKET = "orchestration"


@dataclass(frozen=True)
class Size:
    """How often each thing is tried."""

    n_cycles: int
    n_drops: int
    n_kills: int
    n_projects: int
    outage_seconds: float
    n_ups: int


FULL, QUICK = Size(6, 10, 100, 20, 60.0, 5), Size(1, 1, 8, 5, 5.0, 1)
KILLED_EXPIRY_SECONDS = 3.0  # of claims where workers are killed, so that a hundred of them need not wait for minutes
KILLS_IN_A_CELL = 10  # so that a long run that is cut off goes on where it was


@dataclass(frozen=True)
class Trial:
    """A store, a Prefect server with a worker, and the environment of workers that can be killed."""

    store_config: StoreConfig
    encoder: Path
    folder: Path
    environment: dict[str, str]

    def project(self, *, expiry_seconds: float = ClaimsConfig().expiry_seconds) -> Project:
        name = f"p-{uuid.uuid4().hex[:12]}"
        return stage.new_project(name, self.encoder, self.store_config, expiry_seconds=expiry_seconds)

    def journal(self) -> Path:
        return self.folder / f"journal-{uuid.uuid4().hex}"


def run(*, quick: bool) -> str:
    """Measure every cell and return the section of docs/benchmarks.md."""
    size = QUICK if quick else FULL
    cells: dict[str, Callable[[Trial], Facts]] = {
        "up": lambda trial: outages.measure_up(size.n_ups),
        "overhead": lambda trial: measure_overhead(trial, size.n_cycles),
        "arrival": lambda trial: measure_arrival(trial, size.n_drops),
        "starts": measure_starts,
        "projects": lambda trial: measure_projects(trial, size.n_projects),
        "outages": lambda trial: outages.measure_outages(trial, size.outage_seconds),
    }
    for first in range(0, size.n_kills, KILLS_IN_A_CELL):
        n = min(KILLS_IN_A_CELL, size.n_kills - first)
        cells[f"kills-{first:03d}"] = lambda trial, first=first, n=n: measure_kills(trial, n, first)  # type: ignore[misc]
    wanted = [name for name in cells if name.startswith(tuple(chosen_begins()))]
    found: dict[str, Facts] = {}
    with ExitStack() as stack:
        trial: Trial | None = None
        for name in wanted:
            # `fsl up` has servers of its own, and is timed without others beside it.
            if name != "up" and (quick or read_cell("orchestration", name) is None):
                trial = trial or stack.enter_context(open_trial())
            measure = partial(cells[name], trial)  # type: ignore[arg-type]  # there where it is asked for
            found[name] = {**measure(), "machine": machine()} if quick else run_cell("orchestration", name, measure)
            if quick:
                print(f"orchestration {name}: {found[name]}", flush=True)
    for name in cells:  # what an earlier run left, or an earlier part of this one
        left = read_cell("orchestration", name)
        if not quick and name not in found and left is not None:
            found[name] = left
    missing = [name for name in cells if name not in found]
    return section(found, missing)


@contextmanager
def open_trial() -> Iterator[Trial]:
    """Start store, server and worker; stop them all afterwards."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.server.local import local_prefect

    with tempfile.TemporaryDirectory() as name, running(Path(name) / "store") as endpoint:
        folder = Path(name)
        config = StoreConfig(endpoint_url=endpoint.url, bucket=BUCKET)
        ObjectStore.connect(config, credentials=endpoint.credentials).ensure_bucket()
        os.environ["FSL_CACHE_DIR"] = str(folder / "cache")
        for key, value in store_environment(config, endpoint.credentials).items():
            os.environ.pop(key, None) if value is None else os.environ.update({key: value})
        encoder = stage.build_encoder(folder / "encoder", [row["text"] for row in stage.sample_rows()])
        with (
            local_prefect(folder) as prefect,
            stage.worker_environment(folder, prefect.api) as environment,
            # Prefect read its settings when it was imported; without this it starts a server for this process alone.
            temporary_settings({PREFECT_API_URL: prefect.api}),
        ):
            try:
                yield Trial(config, encoder, folder, environment)
            finally:
                for worker in multiprocessing.active_children():  # of a benchmark that is cut off
                    worker.kill()


def measure_overhead(trial: Trial, n: int) -> Facts:
    """Time the same cycle bare and as a flow, in turn, in workers that have everything imported."""
    seconds: dict[str, list[float]] = {"bare": [], "cycle": []}
    _run(trial, "bare", trial.project())  # the first one pays for what is read from disk
    _run(trial, "cycle", trial.project())
    for _ in range(n):
        for flow, found in seconds.items():
            found.append(_run(trial, flow, trial.project()))
    return {"seconds": seconds}


def measure_arrival(trial: Trial, n: int) -> Facts:
    """Time from a drop to the start of its ingest, by the watcher and by a notification."""
    from flows.arrival import start_ingest
    from flows.inbox import Watcher
    from fsl.scheduling.arrival import parse_notification

    seconds: dict[str, list[float]] = {"watcher": [], "event": []}
    few = stage.sample_rows()[:30]  # too few to retrain, which would compete with the next measurement
    for _ in range(n):
        project = trial.project()
        watcher, over = Watcher(trial.store_config, start_ingest), threading.Event()
        watcher.look(time.monotonic())

        def watch(watcher: Watcher = watcher, over: threading.Event = over) -> None:
            while not over.wait(0.5):
                watcher.look(time.monotonic())

        thread = threading.Thread(target=watch)
        thread.start()
        time.sleep(random.uniform(0.0, 5.0))
        dropped = datetime.now(UTC)
        stage.drop(project, few)
        seconds["watcher"].append(_seconds_to_start(project, dropped))
        over.set()
        thread.join()
        project = trial.project()
        dropped = datetime.now(UTC)
        key = stage.drop(project, few)
        told = {"key": f"/buckets/{BUCKET}/{project.name}/{key}", "message": {"new_entry": {"name": "rows.jsonl"}}}
        for arrival in parse_notification(stage.to_json(told), bucket=BUCKET):
            start_ingest(arrival)
        seconds["event"].append(_seconds_to_start(project, dropped))
    return {"seconds": seconds}


def measure_starts(trial: Trial) -> Facts:
    """Announce one batch and start one retrain ten times at once, each in a process of its own."""
    project = trial.project()
    stage.drop(project, stage.sample_rows())
    # Without what follows: an eleventh start, by the automation, would be the one that does it.
    ingests = _run_at_once(trial, "ingest", {"project": project.name, "follow": False}, 10)
    retrains = _run_at_once(trial, "retrain", {"project": project.name}, 10)
    return {
        "batches": sorted(len(result["batches"]) for result in ingests),
        "retrains": dict(Counter(str(result["outcome"]) for result in retrains)),
        "moves": len(read_moves(project.registry, CHAMPION)),
    }


def measure_projects(trial: Trial, n: int) -> Facts:
    """Let one worker process do a drop of each of many projects."""
    import psutil

    projects = [trial.project() for _ in range(n)]
    for project in projects:
        stage.drop(project, stage.sample_rows())
    journal, began, peak = trial.journal(), time.monotonic(), 0
    names = " ".join(project.name for project in projects)
    worker = stage.start_worker("claimed", {"project": names}, journal, trial.environment)
    after: list[int] = []  # memory at the end of each project's training
    while worker.is_alive():
        used = _memory(psutil, worker.pid)
        peak = max(peak, used)
        n_done = sum(line.get("step") == "build_bundle" and "ended" in line for line in stage.read_journal(journal))
        after += [used] * (n_done - len(after))
        time.sleep(0.1)
    moves = [read_moves(project.registry, CHAMPION) for project in projects]
    done = sum(len(one) == 1 for one in moves)
    ended = [one[0].when for one in moves if one]  # in the order in which they came
    return {
        "n": n,
        "done": done,
        "overtaken": max((sum(later < own for later in ended[n:]) for n, own in enumerate(ended)), default=0),
        "seconds": time.monotonic() - began,
        "peak_mb": peak / 1e6,
        "first_mb": after[0] / 1e6 if after else None,
        "last_mb": after[-1] / 1e6 if after else None,
    }


def measure_kills(trial: Trial, n: int, first: int = 0) -> Facts:
    """Kill the worker of a cycle at moments of chance, each in a project of its own, and restart it.

    Args:
        first: the number of the first of them, from which chance goes on.
    """
    whole = _run(trial, "cycle", trial.project())
    chance, faults, places = random.Random(17 + first), {}, Counter()  # type: ignore[var-annotated]
    for number in range(first, first + n):
        project, journal = trial.project(expiry_seconds=KILLED_EXPIRY_SECONDS), trial.journal()
        moment = kills.Moment(None, chance.uniform(0.0, whole))
        found = kills.kill_and_restart(
            project, stage.sample_rows(), moments=[moment], journal=journal, environment=trial.environment
        )
        places[_where(journal)] += 1
        faults |= {f"{number}, {where}": words for where, words in found.items()}
    return {"n": n, "cycle_seconds": whole, "faults": faults, "places": dict(places)}


def _run(trial: Trial, flow: str, project: Project) -> float:
    """Run a flow over a drop in a worker of its own; return the seconds from inside it, its start left out."""
    stage.drop(project, stage.sample_rows())
    journal = trial.journal()
    worker = stage.start_worker(flow, {"project": project.name}, journal, trial.environment)
    worker.join(300)
    (end,) = [line for line in stage.read_journal(journal) if "end" in line]
    assert len(read_moves(project.registry, CHAMPION)) == 1
    return float(end["seconds"])


def _run_at_once(trial: Trial, flow: str, parameters: dict[str, Any], n: int) -> list[dict[str, Any]]:
    journal = trial.journal()
    workers = [stage.start_worker(flow, parameters, journal, trial.environment) for _ in range(n)]
    for worker in workers:
        worker.join(600)
    return [line["result"] for line in stage.read_journal(journal) if "end" in line]


def _seconds_to_start(project: Project, dropped: datetime) -> float:
    """Wait until a run of the ingest is running, and return how long that was after the drop."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    deadline = time.monotonic() + 120
    api = os.environ["PREFECT_API_URL"]
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            for run in client.read_flow_runs(limit=200):
                if run.parameters.get("project") == project.name and run.start_time is not None:
                    return float((run.start_time - dropped).total_seconds())
            time.sleep(0.2)
    raise AssertionError(f"nothing was started for {project.name}")


def _memory(psutil: Any, pid: int | None) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _where(journal: Path) -> str:
    """Return the last thing that was written down before the restart: the first step that was begun twice, or none."""
    lines = stage.read_journal(journal)
    begun = Counter(line["step"] for line in lines if "began" in line)
    twice = [step for step, n in begun.items() if n > 1]
    return f"in {twice[0]}" if twice else "between steps"
