"""Answering files: in order, in parts, on from where a kill struck, and never half an output."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fsl.serving.bulk import Answered, Asked, Source, UnknownOutput, answer_file

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOURCE = Source("0" * 64, "v-1", rows_per_part=10)


def lines(n: int) -> list[Asked]:
    """Every seventh line is no text."""
    return [
        Asked(row, None, "no text in it") if row % 7 == 0 else Asked(row, f"text {row} 退款 \ud83d") for row in range(n)
    ]


class Asker:
    """Answers with the text's number, and remembers what it was asked."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.asked: list[int] = []
        self.times: set[datetime] = set()
        self.fail_at = fail_at

    def __call__(self, part: Sequence[Asked], when: datetime) -> list[Answered]:
        if self.fail_at is not None and part[0].line >= self.fail_at:
            raise InterruptedError
        self.asked += [one.line for one in part]
        self.times.add(when)
        return [
            Answered(one.line, None, error=one.error)
            if one.text is None
            else Answered(one.line, one.text, f"label {one.line}", 0.5, 0.25)
            for one in part
        ]


def read(path: Path) -> list[Any]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("n", [0, 1, 9, 10, 11, 35])
@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_every_line_has_an_answer_in_order_and_nothing_else_is_left(tmp_path: Path, name: str, n: int) -> None:
    found = answer_file(lines(n), Asker(), tmp_path / name, SOURCE, now=NOW)

    rows = read(tmp_path / name)
    assert found == len(rows) == n
    assert [row["error"] for row in rows if row.get("error")] == ["no text in it"] * len(range(0, n, 7))
    answers = [row["answer"] for row in rows if row.get("answer")]
    expected = [f"label {row}" for row in range(n) if row % 7]
    assert answers == ([json.dumps(one) for one in expected] if name.endswith("parquet") else expected)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_what_was_cut_off_goes_on_behind_the_finished_parts(tmp_path: Path, name: str) -> None:
    answer_file(lines(35), Asker(), tmp_path / f"whole-{name}", SOURCE, now=NOW)
    with pytest.raises(InterruptedError):
        answer_file(lines(35), Asker(fail_at=20), tmp_path / name, SOURCE, now=NOW)
    assert not (tmp_path / name).exists()
    again = Asker()

    answer_file(lines(35), again, tmp_path / name, SOURCE, now=datetime.now(UTC))

    assert again.asked == list(range(20, 35))
    assert again.times == {NOW}  # when it began, so that the log knows a row it has
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole-{name}").read_bytes()


@pytest.mark.parametrize(
    "other", [Source("1" * 64, "v-1", 10), Source("0" * 64, "v-2", 10), Source("0" * 64, "v-1", 5)]
)
def test_parts_of_another_file_or_version_are_not_gone_on_with(tmp_path: Path, other: Source) -> None:
    with pytest.raises(InterruptedError):
        answer_file(lines(35), Asker(fail_at=20), tmp_path / "out.jsonl", other, now=NOW)
    asker = Asker()

    answer_file(lines(35), asker, tmp_path / "out.jsonl", SOURCE, now=NOW)

    assert asker.asked == list(range(35))


def test_parts_that_cannot_be_trusted_are_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / ".out.jsonl.parts"
    folder.mkdir()
    (folder / "00000000.jsonl").write_text('{"answer": "planted"}\n' * 10)
    (folder / "state.json").write_text('{"began": "yesterday"')

    answer_file(lines(10), Asker(), tmp_path / "out.jsonl", SOURCE, now=NOW)

    assert "planted" not in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


def test_a_kill_at_any_part_costs_that_part_at_most(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from test_bulk import NOW, SOURCE, Asker, lines\n"
        "from fsl.serving.bulk import answer_file\n"
        "def die(n_rows):\n"
        "    if n_rows == 20: os.kill(os.getpid(), signal.SIGKILL)\n"
        "answer_file(lines(35), Asker(), Path(sys.argv[1]), SOURCE, now=NOW, progress=die)\n"
    )
    out = tmp_path / "out.parquet"
    done = subprocess.run(
        [sys.executable, "-c", script, str(out), str(Path(__file__).parent)], check=False, env={**os.environ}
    )
    assert done.returncode == -9
    assert not out.exists()
    again = Asker()

    answer_file(lines(35), again, out, SOURCE, now=NOW)

    assert again.asked == list(range(20, 35))
    assert [row["line"] for row in read(out)] == list(range(35))


def test_an_output_of_another_format_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    asker = Asker()

    with pytest.raises(UnknownOutput, match=r"answers cannot be written to out\.csv: .* \.jsonl or \.parquet"):
        answer_file(lines(3), asker, tmp_path / "out.csv", SOURCE, now=NOW)

    assert asker.asked == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_text_left_unanswered_says_why_and_what_the_answer_would_have_been(tmp_path: Path, name: str) -> None:
    def ask(part: Sequence[Asked], when: datetime) -> list[Answered]:
        return [
            Answered(1, "a", "refund", 0.9, 0.8),
            Answered(2, "b", None, 0.4, 0.1, "unsure", "退款"),
            Answered(3, "c", None, 0.9, 0.8, "out of scope", "refund"),
        ]

    answer_file([Asked(row, "text") for row in (1, 2, 3)], ask, tmp_path / name, SOURCE, now=NOW)

    rows = read(tmp_path / name)
    assert [row.get("abstained") for row in rows] == [None, "unsure", "out of scope"]
    assert rows[1]["answer"] is None
    assert rows[1]["guess"] == ('"退款"' if name.endswith("parquet") else "退款")
    assert rows[0].get("guess") is None


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_set_of_labels_has_a_probability_for_each_label_beside_it(tmp_path: Path, name: str) -> None:
    def ask(part: Sequence[Asked], when: datetime) -> list[Answered]:
        chances = {"billing": 0.75, "delivery": 0.25}
        return [Answered(1, "a", ["billing"], 0.5, 0.25, probabilities=chances), Answered(2, "b", "refund", 0.9, 0.8)]

    answer_file([Asked(row, "text") for row in (1, 2)], ask, tmp_path / name, SOURCE, now=NOW)

    first, second = read(tmp_path / name)
    said = first["probabilities"]
    assert (json.loads(said) if name.endswith("parquet") else said) == {"billing": 0.75, "delivery": 0.25}
    assert second.get("probabilities") is None
