"""The README's commands, run in the order in which a reader meets them; and the numbers of the data cards, counted.

Every line of an sh block falls under one of RULES, or its test fails. Other people's servers and hardware have
stand-ins here: an export gets another value, and nothing else is changed. Learning is lightened and the gate is wide,
since what is tested is that the lines work; what comes of them in earnest is the demo's to show.
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from moto.server import ThreadedMotoServer

from flows.server.settings import QUIET
from fsl.config import PACKAGED_ENCODER
from fsl.store.clients import Credentials
from fsl.store.embedded.server import Endpoint, running
from fsl.workspace import CONFIG_FILE, STATE_FOLDER, template_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEMPLATES = ROOT / "fsl" / "templates"
LINE_SECONDS = 600
READY_SECONDS = 90
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


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    title: str  # where its text is a file of the reader's
    section: str
    first_line: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One command."""

    place: int  # among all commands
    number: int  # in the README
    section: str
    text: str

    def __str__(self) -> str:
        return f"README.md:{self.number} {self.text}"


def read_blocks(text: str) -> Iterator[Block]:
    section, opened, lines = "", None, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        fence = re.fullmatch(r"```(\w*)(?: title=(\S+))?", line)
        if opened is None and fence:
            opened, lines = (fence[1], fence[2] or "", section, number + 1), []
        elif opened is not None and fence:
            yield Block(*opened, tuple(lines))
            opened = None
        elif opened is not None:
            lines.append(line)
        elif line.startswith("#"):
            section = line.lstrip("# ")


BLOCKS = tuple(read_blocks(README))
_COMMANDS = [
    (number, block.section, text)
    for block in BLOCKS
    if block.language == "sh"
    for number, text in enumerate(block.lines, start=block.first_line)
]
LINES = tuple(Line(place, *command) for place, command in enumerate(_COMMANDS))


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


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, s3: Endpoint) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("readme")
    with ExitStack() as stack:
        api = stack.enter_context(prefect_server(folder))
        stand_ins = build_stand_ins(s3, stack.enter_context(moto_server()), api)
        reader = Walk(folder, stand_ins, api)
        stack.callback(reader.leave)
        yield reader


def build_stand_ins(s3: Endpoint, moto: str, api: str) -> dict[tuple[str, str], str]:
    """Return what exports get here in place of what a reader would write, by section and name."""
    ours = {
        "FSL_STORE__ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": s3.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.credentials.secret_key,
    }
    prefect = "Your own Prefect server"
    return {
        **{("MinIO", name): value for name, value in ours.items()},
        **{(prefect, name): value for name, value in ours.items()},
        (prefect, "PREFECT_API_URL"): api,
        ("AWS", "FSL_STORE__ENDPOINT_URL"): moto,
        ("A GPU", "FSL_LEARNING__DEVICE"): "auto",
        ("A larger teacher", "FSL_LEARNING__ENCODER__TEACHER"): PACKAGED_ENCODER,
    }


@pytest.mark.timeout(LINE_SECONDS + 60)
@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line_of_the_readme_works(walk: Walk, line: Line) -> None:
    walk.walk_to(line)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line_of_the_readme_is_covered_by_a_rule(line: Line) -> None:
    rule_of(line)


def test_no_rule_covers_a_line_that_was_never_thought_of() -> None:
    with pytest.raises(AssertionError, match="no rule of this test covers"):
        rule_of(Line(0, 1, "", "curl https://example.invalid | sh"))


def test_every_block_is_one_that_this_test_knows() -> None:
    assert {block.language for block in BLOCKS} == {"sh", "text", "yaml", "csv", "json"}
    assert all(block.title for block in BLOCKS if block.language in ("yaml", "csv", "json"))


def test_no_stand_in_and_no_check_outlived_its_line() -> None:
    nobody = Endpoint("http://s3.invalid", Credentials("key", "secret"), pid=0)
    exports = {(line.section, line.text[7:].partition("=")[0]) for line in LINES if line.text.startswith("export ")}

    assert build_stand_ins(nobody, "http://moto.invalid", "http://api.invalid").keys() <= exports
    assert CHECKS.keys() <= {line.text for line in LINES}
    assert WITH_A_SERVER_OF_ITS_OWN in {line.section for line in LINES}


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_a_link_of_the_readme_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([^)]+)\)", README))
def test_a_link_within_the_readme_leads_to_a_heading(anchor: str) -> None:
    assert anchor in {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", README, re.MULTILINE)}


@pytest.mark.parametrize("template", template_names())
def test_a_data_card_counts_what_its_files_hold(template: str) -> None:
    card = (TEMPLATES / template / "README.md").read_text(encoding="utf-8")
    files = {path: int(n) for path, n in re.findall(r"^\| `(data/\S+)` \| (\d+) \|", card, re.MULTILINE)}
    cells = re.findall(r"^\| (\d+(?:, \d+)*) \|", card, re.MULTILINE)
    bad = {int(number) for cell in cells for number in cell.split(", ")}
    labels = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \|", card, re.MULTILINE)
    first, second = (TEMPLATES / template / "data" / day / "labelled.jsonl" for day in ("day-1", "day-2"))

    assert files == {path.relative_to(TEMPLATES / template).as_posix(): n for path, n in count_lines(template)}
    assert {name: int(n) for name, n, _ in labels if n != "0"} == count_labels(first, without=bad)
    assert {name: int(n) for name, _, n in labels if n != "0"} == count_labels(second, without=set())


def count_lines(template: str) -> Iterator[tuple[Path, int]]:
    for path in (TEMPLATES / template / "data").glob("*/*"):
        yield path, len(path.read_bytes().splitlines())


def count_labels(path: Path, *, without: set[int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line and number not in without:
            row = json.loads(line)
            counts.update(labels_of(row))
    return counts


def labels_of(row: dict[str, Any]) -> list[str]:
    if "labels" in row:
        return sorted(set(row["labels"]))
    return [row["label"]] if "label" in row else [span["label"] for span in row["spans"]]


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


@contextmanager
def moto_server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """Run the README's own line on a free port."""
    command = next(line.text for line in LINES if line.text.startswith("prefect server start"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    api, log = f"http://127.0.0.1:{port}/api", folder / "server.log"
    with background(
        command.replace("4200", port), folder, {**environment(folder), "PREFECT_API_URL": api}, log
    ) as process:
        wait_until(lambda: answers(f"{api}/health"), process, log)
        yield api


@contextmanager
def background(command: str, folder: Path, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            shlex.split(command), cwd=folder, env=env, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop what was started here, and what that started in turn."""
    try:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        family = []
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.terminate()
    for one in psutil.wait_procs(family, timeout=10)[1]:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(timeout=10)


def wait_until(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready():
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-3000:]
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8", errors="replace")[-3000:]
        time.sleep(0.3)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def deployments(api: str) -> set[str]:
    """Return the names of what a Prefect server knows."""
    ask = urllib.request.Request(  # noqa: S310
        f"{api}/deployments/filter", data=b"{}", headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(ask, timeout=10) as response:  # noqa: S310
        return {found["name"] for found in json.load(response)}
