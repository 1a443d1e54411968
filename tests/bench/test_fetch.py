"""`python -m bench.fetch` gets the data sets from a server, converts them, and says what it got.

What each converter makes of its raw files is in `test_fetch_converters.py`.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.fetch import fetch, main
from bench.parts.sets.download import MAX_BYTES
from bench.parts.sets.sources import SOURCES, Measured

ROOT = Path(__file__).parents[2]
BANKING = {
    "banking_data/train.csv": (
        'text,category\n"Why was I charged  twice,\nplease?",card_fee\nCafé bill missing,refund\n'
    ),
    "banking_data/test.csv": "text,category\r\nWhere is my Zürich transfer?,transfer\r\n",
}
TRAIN = (
    '{"text": "Why was I charged twice, please?", "label": "card_fee"}\n'
    '{"text": "Café bill missing", "label": "refund"}\n'
)
TEST = '{"text": "Where is my Zürich transfer?", "label": "transfer"}\n'
DIFFERS = (
    "train 2 (measured on 10,003), test 1 (measured on 3,080) rows; rows differ from those the figures were measured "
    "on: figures may differ a little. Licence: CC BY 4.0."
)


class Server:
    """Serves bytes by path; what it lacks is a 404."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.n_stated_more = 0  # bytes that the header promises and that never come
        self.states_length = True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                body = outer.files.get(self.path)
                self.send_response(404 if body is None else 200)
                if outer.states_length:
                    self.send_header("Content-Length", str(len(body or b"") + outer.n_stated_more))
                self.end_headers()
                with suppress(OSError):  # a client that has read enough closes
                    self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def serve(self, name: str, raw: dict[str, str]) -> None:
        at = f"/{SOURCES[name].repository}/{SOURCES[name].commit}"
        self.files |= {f"{at}/{path}": text.encode() for path, text in raw.items()}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def _refusal(*arguments: str) -> str:
    """Return what the command ends with."""
    with pytest.raises(SystemExit) as stop:
        main([*arguments])
    assert isinstance(stop.value.code, str)  # which Python prints to standard error, exiting with 1
    return stop.value.code


def test_the_command_writes_a_set_names_its_licence_and_says_that_its_rows_differ(
    server: Server, tmp_path: Path
) -> None:
    server.serve("banking77", BANKING)
    folder = tmp_path / "my sets"

    done = subprocess.run(
        [sys.executable, "-m", "bench.fetch", "banking77", "--to", str(folder), "--base", server.base],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"banking77: {DIFFERS}",
        "",
        f"Next: FSL_BENCH_DATA='{folder}' python -m bench fewshot",
    ]
    assert (folder / "banking77" / "train.jsonl").read_text(encoding="utf-8") == TRAIN
    assert (folder / "banking77" / "test.jsonl").read_text(encoding="utf-8") == TEST
    assert [path.name for path in folder.iterdir()] == ["banking77"]


def test_rows_with_the_recorded_digests_are_as_measured_and_not_fetched_twice(server: Server, tmp_path: Path) -> None:
    server.serve("banking77", BANKING)
    measured = {
        "train": Measured(2, sha256(TRAIN.encode()).hexdigest()),
        "test": Measured(1, sha256(TEST.encode()).hexdigest()),
    }
    source = replace(SOURCES["banking77"], measured=measured)

    first = fetch("banking77", source, tmp_path, server.base)
    second = fetch("banking77", source, tmp_path, server.base)

    assert first == "train 2, test 1 rows, as measured. Licence: CC BY 4.0."
    assert second == "there already, as measured. Licence: CC BY 4.0."
    assert len(server.asked) == 2


def test_a_set_that_holds_the_same_rows_is_left_and_one_that_holds_others_is_refused(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.serve("banking77", BANKING)
    arguments = ["banking77", "--to", str(tmp_path), "--base", server.base]
    main(arguments)

    main(arguments)

    assert capsys.readouterr().out.splitlines()[3] == f"banking77: there already, {DIFFERS}"
    mine = tmp_path / "banking77" / "test.jsonl"
    mine.write_text('{"text": "Mine", "label": "own"}\n', encoding="utf-8")

    assert "1 of the sets could not be had" in _refusal(*arguments)
    assert capsys.readouterr().err == (
        f"banking77: {tmp_path / 'banking77'} is there already and holds other rows, so it was left as it is. "
        "Move it away, or name another folder with --to.\n"
    )
    assert mine.read_text(encoding="utf-8") == '{"text": "Mine", "label": "own"}\n'


def test_a_file_that_is_gone_costs_its_set_alone(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.serve("banking77", BANKING)

    ended = _refusal("clinc150", "banking77", "--to", str(tmp_path), "--base", server.base)

    said = capsys.readouterr()
    assert ended == "1 of the sets could not be had; benchmarks that read them will not run."
    assert "data_full.json is not there any more. Open it in a browser" in said.err
    assert said.out.splitlines()[0] == f"banking77: {DIFFERS}"
    assert [path.name for path in tmp_path.iterdir()] == ["banking77"]


def test_without_a_server_the_first_set_ends_it_with_a_sentence(server: Server, tmp_path: Path) -> None:
    server.http.shutdown()
    server.http.server_close()

    done = subprocess.run(
        [sys.executable, "-m", "bench.fetch", "--to", str(tmp_path), "--base", server.base],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"{server.base}/PolyAI-LDN/")
    assert "cannot be reached: Connection refused. Check the network and run the command again" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_breaks_off_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.serve("banking77", BANKING)
    server.n_stated_more = 5

    ended = _refusal("banking77", "--to", str(tmp_path), "--base", server.base)

    n_bytes = len(BANKING["banking_data/train.csv"].encode())
    assert f"it broke off after {n_bytes} of {n_bytes + 5} bytes" in ended
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("states_length", [True, False])
def test_a_file_over_the_limit_is_refused_whether_its_length_is_stated_or_not(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], states_length: bool
) -> None:
    server.serve("banking77", {"banking_data/train.csv": "x" * (MAX_BYTES + 1)})
    server.states_length = states_length

    _refusal("banking77", "--to", str(tmp_path), "--base", server.base)

    assert "train.csv has more than 16,777,216 bytes, so it was not read to its end." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_refused_before_anything_is_fetched(server: Server, tmp_path: Path) -> None:
    ended = _refusal("banking78", "--to", str(tmp_path), "--base", server.base)

    assert ended.startswith("there is no set banking78. There are: banking77, clinc150, ")
    assert server.asked == []


def test_a_raw_file_of_another_form_is_named_and_not_written(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.serve("banking77", BANKING | {"banking_data/test.csv": "utterance,intent\nHello,greeting\n"})

    _refusal("banking77", "--to", str(tmp_path), "--base", server.base)

    assert (
        "the raw files of banking77 in PolyAI-LDN/task-specific-datasets have another form than expected "
        "(ValueError: no column text, category), so nothing was written."
    ) in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_sentence(server: Server, tmp_path: Path) -> None:
    server.serve("banking77", BANKING)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    ended = _refusal("banking77", "--to", str(tmp_path / "file" / "sets"), "--base", server.base)

    assert ended == (f"{tmp_path / 'file' / 'sets'} cannot be used: Not a directory. Name another folder with --to.")


def test_an_address_that_is_no_web_server_is_refused(tmp_path: Path) -> None:
    ended = _refusal("banking77", "--to", str(tmp_path), "--base", "file:///etc")

    assert "the address does not begin with http:// or https://" in ended
