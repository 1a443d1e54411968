"""Thirty windows of the dashboard in a real browser: what it shows, what it asks for, and that no text is in either."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest

from fsl.config import DriftConfig
from fsl.drift.decision.decision import Decision
from fsl.drift.decision.examine import examine
from fsl.drift.report.dashboard import Dashboard
from fsl.drift.windows.reading import Windows
from fsl.drift.windows.window import Window

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
SECRET = "my card number is 4000-1234"
N_WINDOWS = 30
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PANELS = (
    "Drift score (minus log10 of the smallest joint p-value)",
    "Share of rows out of scope",
    "Alarms of the window",
    "Budget of false alarms spent, in percent",
    "Version (a step is a new champion)",
    "Share of the commonest labels",
)
LINES = 8  # drift score and its bound, out of scope, alarms, budget, version, two labels


@dataclass(frozen=True)
class Page:
    """What a browser made of an address."""

    dom: str
    asked: tuple[str, ...]  # by the page itself; a browser has errands of its own


@pytest.mark.skipif(BROWSER is None, reason="no browser")
def test_thirty_windows_are_drawn_from_this_machine_alone_and_hold_no_text(
    window: Callable[..., Window], tmp_path: Path
) -> None:
    decisions = thirty_decisions(window)
    assert any(SECRET in example.text for one in decisions[0].findings for example in one.examples)
    dashboard = Dashboard(tmp_path / "workspace", "shop")
    dashboard.feed(decisions[:-1])

    with served(dashboard, decisions) as address:
        page = look_at(f"{address}/projects/{project_of(address)}", tmp_path)
        answers = [httpx.get(url).content for url in page.asked if "/api/" in url]

    assert all(panel in page.dom for panel in PANELS)
    assert page.dom.count("<circle") == LINES * N_WINDOWS  # the last of them came while it ran
    assert page.asked
    assert {url.split("/")[2] for url in page.asked} == {address.removeprefix("http://")}
    files = [path.read_bytes() for path in dashboard.folder.rglob("*") if path.is_file()]
    assert any(b"drift score" in data for data in files)
    assert not any(SECRET.encode() in data for data in (page.dom.encode(), *answers, *files))


def thirty_decisions(window: Callable[..., Window]) -> list[Decision]:
    reference, current = window(1, {"a": 60, "b": 60}), window(2, {"a": 60, "b": 60}, shift=1.0)
    current = replace(current, texts=(SECRET,) * current.n_rows)
    config = DriftConfig(alpha=0.1, budget_windows=10, n_permutations=499)
    seen = examine(Windows(reference, current, ()), config, now=NOW)
    return [
        replace(
            seen,
            facts=replace(
                seen.facts,
                window=f"w{day:02d}",
                version="v1" if day < 20 else "v2",
                current_to=NOW + timedelta(days=day),
            ),
        )
        for day in range(N_WINDOWS)
    ]


@contextmanager
def served(dashboard: Dashboard, decisions: list[Decision]) -> Iterator[str]:
    """Serve the dashboard as `fsl dashboard` does, and end its server alone."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before = set(psutil.Process().children())
    server = threading.Thread(target=dashboard.serve, args=(port, lambda: decisions), kwargs={"every": 0.2})
    server.start()
    try:
        wait_for(f"http://127.0.0.1:{port}/api/projects")
        yield f"http://127.0.0.1:{port}"
    finally:
        for child in set(psutil.Process().children()) - before:
            child.terminate()
        server.join()


def wait_for(url: str, *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


def project_of(address: str) -> str:
    (project,) = httpx.get(f"{address}/api/projects").json()
    return str(project["id"])


def look_at(url: str, folder: Path) -> Page:
    """Open an address and draw it until nothing moves."""
    log = folder / "net.json"
    command = [
        str(BROWSER),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
        f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={log}",
        "--virtual-time-budget=6000",
        "--dump-dom",
        url,
    ]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    asked = dict.fromkeys(str(one["url"]) for one in events if one.get("initiator", "").startswith("http"))
    return Page(dom, tuple(asked))
