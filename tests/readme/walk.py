"""A reader who types the README's lines, and what must hold after each of them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from flows.server.settings import QUIET
from fsl.store.embedded.server import running
from fsl.workspace import CONFIG_FILE, STATE_FOLDER, template_names
from tests.readme.lines import BLOCKS, LINES, README, ROOT, Line
from tests.readme.servers import answers, background, deployments, wait_until

LINE_SECONDS = 600
SOME_VERSION = "v-0123456789ab"  # what the README writes where a reader puts in a name
FLOWS = {"ingest", "retrain", "drift"}
LIGHT = {
    "FSL_LEARNING__TEACHER__EPOCHS": "0",
    "FSL_LEARNING__STUDENT__EPOCHS": "1",
    "FSL_LEARNING__ENCODER__STUDENT_LAYERS": "1",
    "FSL_LEARNING__ENCODER__MAX_LENGTH_TOKENS": "32",
    "FSL_DATA__MAX_POOL_TEXTS": "50",
    "FSL_EXPORT__INT8": "false",
    "FSL_GATE__MAX_LATENCY_P95_MS": "10000",
    "FSL_GATE__NON_INFERIORITY_MARGIN": "0.5",
    "FSL_GATE__MIN_NEW_LABEL_RECALL": "0",
}
# In this section flows start a Prefect server for the time being, as a user's do; elsewhere one serves them all.
WITH_A_SERVER_OF_ITS_OWN = "One label for each text"


class Walk:
    """A reader who types every line in order, each section beginning where the first one did."""

    def __init__(self, folder: Path, stand_ins: Mapping[tuple[str, str], str], api: str) -> None:
        self.base = folder / "work"
        self.base.mkdir()
        self.stand_ins, self.api = stand_ins, api
        self._environment = environment(folder)
        self._at = 0
        self._failed: Line | None = None
        self._stack = ExitStack()
        self._enter("")

    def walk_to(self, line: Line) -> None:
        """Run every line up to this one that was not run yet, so that one test alone can be asked for, too."""
        while self._at <= line.place:
            assert self._failed is None, f"{self._failed} failed, and this line comes after it"
            current = LINES[self._at]
            self._at += 1
            if current.section != self.section:
                self._enter(current.section)
            self._failed = current
            rule_of(current)(self, current)
            self._failed = None
        assert self._failed is None or self._failed.place > line.place, f"{self._failed} failed"

    def leave(self) -> None:
        """Stop whatever this section started."""
        self._stack.close()

    def _enter(self, section: str) -> None:
        self.leave()
        self.section, self.folder, self.exports = section, self.base, dict[str, str]()
        for block in BLOCKS:
            if block.title and block.section == section:
                path = self.base / block.title
                path.parent.mkdir(exist_ok=True)
                path.write_text("\n".join(block.lines) + "\n", encoding="utf-8")

    def change_folder(self, line: Line) -> None:
        self.folder /= line.text.removeprefix("cd ")
        assert self.folder.is_dir()
        lines = [one.text for one in LINES if one.section == line.section]
        has_a_store = "fsl up" in lines or any("FSL_STORE__ENDPOINT_URL" in text for text in lines)
        if (self.folder / CONFIG_FILE).is_file() and not has_a_store:
            # Kept running for the section: starting and stopping it for each line takes seconds.
            self._stack.enter_context(running(self.folder / STATE_FOLDER / "store"))

    def export(self, line: Line) -> None:
        name, _, value = line.text.removeprefix("export ").partition("=")
        self.exports[name] = self.stand_ins.get((line.section, name), value)
        assert value != self.exports[name] or "://" not in value, "this address needs a stand-in"

    def run(self, line: Line) -> None:
        text = line.text
        if SOME_VERSION in text:
            text = text.replace(SOME_VERSION, json.loads(self._output("fsl models ls --json"))[-1]["version"])
        output = self._output(text, self._prefect(line))
        if check := CHECKS.get(line.text):
            check(self.folder, output)

    def start_worker(self, line: Line) -> None:
        log = self.base / "worker.log"
        environment = {**self._environment, **self.exports}
        process = self._stack.enter_context(background(line.text, self.folder, environment, log))
        wait_until(lambda: deployments(self.api) >= FLOWS, process, log)

    def start_all(self, line: Line) -> None:
        log = self.base / "up.log"
        process = self._stack.enter_context(background(line.text, self.folder, self._environment, log))
        wait_until(lambda: b"all healthy" in log.read_bytes(), process, log)

    def use_server(self, line: Line) -> None:
        assert answers(f"{self.api}/health")  # this very line started it, on a free port

    def _prefect(self, line: Line) -> dict[str, str]:
        runs_a_flow = re.match(r"fsl (ingest|retrain)\b", line.text) and line.section != WITH_A_SERVER_OF_ITS_OWN
        return {"PREFECT_API_URL": self.api} if runs_a_flow else {}

    def _output(self, text: str, more: Mapping[str, str] | None = None) -> str:
        environment = {**self._environment, **(more or {}), **self.exports}
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LINE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, (
            f"{text} ended with {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done.stdout


def check_make(walk: Walk, line: Line) -> None:
    """Both are run by CI itself; a test that ran them would run itself."""
    target, _, template = line.text.removeprefix("make ").partition(" TEMPLATE=")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert f"make {target}" in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert not template or (template in template_names() and re.search(r"^TEMPLATE \?=", makefile, re.MULTILINE))


def check_activation(walk: Walk, line: Line) -> None:
    """The folder is made by `make`; the lines here run with the Python that runs this test."""
    assert re.search(r"^VENV := \.venv$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


Rule = Callable[[Walk, Line], None]
RULES: tuple[tuple[str, Rule], ...] = (
    (r"make (demo|test)( TEMPLATE=[a-z-]+)?", check_make),
    (r"source \.venv/bin/activate", check_activation),
    (r"cd [a-z]+", Walk.change_folder),
    (r"export [A-Z_0-9]+=\S+", Walk.export),
    (r"fsl (init|config|ingest|data|retrain|models|predict|explain|drift|store|doctor|status|down) ?.*", Walk.run),
    (r"fsl up", Walk.start_all),
    (r"prefect server start --host 127\.0\.0\.1 --port 4200", Walk.use_server),
    (r"python -m flows\.worker", Walk.start_worker),
    (r"prefect deployment run .*", Walk.run),
)


def rule_of(line: Line) -> Rule:
    found = next((rule for pattern, rule in RULES if re.fullmatch(pattern, line.text)), None)
    assert found is not None, f"no rule of this test covers {line}"
    return found


def _first_day(folder: Path, output: str) -> None:
    read, accepted, refused, merged, pool = re.search(  # type: ignore[union-attr]
        r"(\d+) labelled rows are read: (\d+) are accepted, (\d+) are refused, and (\d+) are duplicates\. The (\d+)",
        README.replace("\n", " "),
    ).groups()

    assert re.search(rf"\b{read} +{accepted} +0 +{refused} +{merged}\b", output)
    assert re.search(rf"\b{pool} +0 +{pool} +0 +0\b", output)


def _mendable(folder: Path, output: str) -> None:
    rows = read_rows(folder / "mend.jsonl")

    assert len(rows) == 16
    assert all(row["_why"] for row in rows)


def _answered(folder: Path, output: str) -> None:
    asked, answers = read_rows(folder / "data/day-1/traffic.jsonl"), read_rows(folder / "answers.jsonl")

    assert [row["text"] for row in asked] == [row["text"] for row in answers]
    assert all(isinstance(row["answer"], str) and 0 <= row["confidence"] <= 1 for row in answers)


def _third_move(folder: Path, output: str) -> None:
    assert "(move 3)" in output  # so both versions had been promoted


def _one_to_the_pool(n_labelled: int) -> Callable[[Path, str], None]:
    def check(folder: Path, output: str) -> None:
        assert re.search(rf"\b{n_labelled + 1} +{n_labelled} +1 +0 +0\b", output)

    return check


# What the words beside a line promise of it.
CHECKS: Mapping[str, Callable[[Path, str], None]] = {
    "fsl ingest data/day-1/labelled.jsonl data/day-1/unlabelled.jsonl": _first_day,
    "fsl data quarantine --export mend.jsonl": _mendable,
    "fsl predict --file data/day-1/traffic.jsonl --out answers.jsonl --log": _answered,
    'fsl models rollback --reason "to see how it is done"': _third_move,
    "fsl ingest march.csv": _one_to_the_pool(4),
    "fsl ingest april.jsonl": _one_to_the_pool(4),
    "fsl ingest march.jsonl": _one_to_the_pool(3),
}


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def environment(folder: Path) -> dict[str, str]:
    """Return what every line sees: nothing of this machine's settings, and a home of its own."""
    ours = ("FSL_", "AWS_", "PREFECT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    home = folder / "home"
    home.mkdir(exist_ok=True)
    own = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        "COLUMNS": "200",
        "HF_HUB_OFFLINE": "1",
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
    }
    return {**kept, **QUIET, **LIGHT, **own}
