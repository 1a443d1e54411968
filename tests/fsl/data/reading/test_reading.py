"""Every format, and every way in which a file or a line of it can be broken."""

import gzip
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fsl.config import DataConfig
from fsl.data.errors import FileTooLarge, UnknownFormat, UnreadableFile
from fsl.data.reading.files import open_rows
from fsl.data.reading.raw_rows import FileFacts, Line, RawRow, UnreadableRow

Read = Callable[..., tuple[FileFacts, list[Line]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def run(name: str, data: bytes, *, columns: tuple[str, ...] = ("text", "label"), **config: Any) -> Any:
        path = tmp_path / "source"
        path.write_bytes(data)
        with open_rows(path, name=name, config=DataConfig(**config), columns=columns) as reading:
            return reading.facts, list(reading.lines)

    return run


def values(lines: list[Line]) -> list[Any]:
    return [dict(line.values) if isinstance(line, RawRow) else line.reason for line in lines]


def parquet(rows: list[dict[str, Any]], **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, **options)
    return sink.getvalue()


ROWS = [{"text": "hello 你好", "label": "greeting"}, {"text": "שלום 🙂", "label": "greeting"}]
JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
CSV = "text,label\nhello 你好,greeting\nשלום 🙂,greeting\n".encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", JSONL),
        ("a.jsonl.gz", gzip.compress(JSONL, mtime=0)),
        ("A.JSONL", JSONL),
        ("a.csv", CSV),
        ("a.csv.gz", gzip.compress(CSV, mtime=0)),
        ("a.parquet", parquet(ROWS)),
        ("a.parquet.gz", gzip.compress(parquet(ROWS), mtime=0)),
        ("a.jsonl", b"\xef\xbb\xbf" + JSONL),
        ("a.csv", b"\xef\xbb\xbf" + CSV),
        ("a.csv", CSV.decode().encode("utf-16")),
        ("a.csv", CSV.replace(b"\n", b"\r\n")),
        ("a.jsonl", JSONL.replace(b"\n", b"\r\n\n")),
        ("a.jsonl", JSONL.rstrip()),
        ("a.csv", CSV.rstrip()),
    ],
)
def test_the_same_rows_come_out_of_every_format(read: Read, name: str, data: bytes) -> None:
    assert values(read(name, data)[1]) == ROWS


@pytest.mark.parametrize("name", ["notes.txt", "a.jsonl.zip", "jsonl", "a.json", ".gz"])
def test_a_name_that_does_not_say_the_format_is_refused(read: Read, name: str) -> None:
    with pytest.raises(UnknownFormat, match=r"Name it \.jsonl, \.csv or \.parquet"):
        read(name, JSONL)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "a"', "the line is not JSON"),
        (b"[1, 2]", r"the line is a list, but an object \{…\} is needed"),
        (b"null", "the line is null, but an object {…} is needed"),
        (b'"text"', "the line is a text, but an object {…} is needed"),
        (b'{"text": "caf\xe9"}', "the line is not UTF-8 at byte 14"),
        (b'{"text": "a\0b"}', r"not JSON: Invalid control character at.*\(it holds a NUL\)"),
        (b'{"text": "a", "text": "b"}', "the key 'text' stands twice in the line"),
        (b'{"text": "a", "label": NaN}', "NaN is no JSON number"),
        (b'{"text": ' + b"[" * 100_000, "nested too deep"),
        (b'{"text": ' + b"9" * 5_000 + b"}", "the line is not JSON that can be read"),
        (b'{"text": "' + b"x" * 1_100_000 + b'"}', "the line is longer than 1,048,576 bytes"),
        (b"text,label", "the line is not JSON"),
    ],
)
def test_one_broken_line_costs_one_row(read: Read, line: bytes, reason: str) -> None:
    before, broken, after = read("a.jsonl", b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n')[1]

    assert isinstance(broken, UnreadableRow)
    assert broken.line == 2
    assert re.search(reason, broken.reason)
    assert len(broken.raw) <= 10_000
    assert values([before, after]) == [{"text": "before"}, {"text": "after"}]
    assert after.line == 3


def test_json_lines_in_utf_16_say_how_they_are_to_be_saved(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="it is UTF-16, and JSON Lines are UTF-8"):
        read("a.jsonl", JSONL.decode().encode("utf-16"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_and_reported(read: Read, delimiter: str) -> None:
    text = f"id{delimiter}text{delimiter}label\n1{delimiter}good, really; yes{delimiter}x\n"
    data = text.replace("good, really; yes", '"good, really; yes"').encode()

    facts, lines = read("a.csv", data)

    assert (facts.delimiter, facts.encoding, facts.columns) == (delimiter, "utf-8", ("id", "text", "label"))
    assert values(lines) == [{"id": "1", "text": "good, really; yes", "label": "x"}]


def test_the_delimiter_is_the_one_that_gives_a_text_column_and_not_the_most_frequent(read: Read) -> None:
    facts, lines = read("a.csv", b"text,a;b;c\nhello,1\n")

    assert facts.delimiter == ","
    assert values(lines) == [{"text": "hello", "a;b;c": "1"}]


def test_a_csv_of_texts_alone_is_read(read: Read) -> None:
    assert values(read("a.csv", b"text\nhello\nthere\n")[1]) == [{"text": "hello"}, {"text": "there"}]


def test_an_old_windows_file_is_read_as_cp1252_and_says_so(read: Read) -> None:
    facts, lines = read("a.csv", "text,label\ncafé – à emporter,order\nça va,greeting\n".encode("cp1252"))

    assert facts.encoding == "cp1252"
    assert values(lines)[0] == {"text": "café – à emporter", "label": "order"}


def test_a_broken_line_in_a_utf_8_file_does_not_turn_the_others_into_gibberish(read: Read) -> None:
    facts, lines = read("a.csv", "text,label\n你好,a\n再见,a\n".encode() + b"caf\xe9,b\n" + "谢谢,a\n".encode())

    assert facts.encoding == "utf-8"
    assert values(lines) == [
        {"text": "你好", "label": "a"},
        {"text": "再见", "label": "a"},
        "the line is not utf-8, as the others are",
        {"text": "谢谢", "label": "a"},
    ]
    assert isinstance(lines[2], UnreadableRow)
    assert lines[2].raw == "caf\\xe9,b"


def test_ragged_lines_cost_one_row_each(read: Read) -> None:
    lines = read("a.csv", b"text,label\na,x\nb\nc,x,y\nd,x\n")[1]

    assert values(lines) == [
        {"text": "a", "label": "x"},
        "the line has 1 cells, but the header has 2",
        "the line has 3 cells, but the header has 2",
        {"text": "d", "label": "x"},
    ]


def test_an_open_quote_costs_one_row_and_not_the_rest_of_the_file(read: Read) -> None:
    lines = read("a.csv", b'text,label\na,x\n"never closed,x\nb,y\nc,y\n')[1]

    assert [line.line for line in lines] == [2, 3, 4, 5]
    assert values(lines)[0] == {"text": "a", "label": "x"}
    assert "a quote is opened and not closed" in values(lines)[1]
    assert values(lines)[2:] == [{"text": "b", "label": "y"}, {"text": "c", "label": "y"}]


def test_a_text_of_several_lines_is_one_row_at_the_line_where_it_begins(read: Read) -> None:
    lines = read("a.csv", b'text,label\n"one\ntwo ""quoted""",x\nb,y\n')[1]

    assert values(lines) == [{"text": 'one\ntwo "quoted"', "label": "x"}, {"text": "b", "label": "y"}]
    assert [line.line for line in lines] == [2, 4]


def test_a_nul_in_csv_costs_no_other_line(read: Read) -> None:
    lines = read("a.csv", b"text,label\nbe\0fore,a\n\0\nafter,b\n")[1]

    assert [line.line for line in lines] == [2, 3, 4]
    assert values(lines)[0] == {"text": "be\0fore", "label": "a"}  # which the rule on control characters refuses
    assert values(lines)[2] == {"text": "after", "label": "b"}


def test_an_empty_cell_is_a_missing_value(read: Read) -> None:
    assert values(read("a.csv", b"text,label\na,\n,x\n")[1]) == [
        {"text": "a", "label": None},
        {"text": None, "label": "x"},
    ]


def test_a_csv_in_which_no_quote_matches_is_given_up(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="its quotes do not match"):
        read("a.csv", b"text,label\n" + b'"a"b,x\n' * 2_000)


def test_two_columns_of_one_name_are_refused(read: Read) -> None:
    with pytest.raises(UnreadableFile, match="two columns of its header have the same name"):
        read("a.csv", b"text,label,text\na,b,c\n")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_an_empty_file_has_no_rows(read: Read, name: str) -> None:
    assert read(name, b"")[1] == []


def test_parquet_brings_its_own_types_and_only_the_wanted_columns(read: Read) -> None:
    rows = [{"text": "Acme rose", "label": [{"start": 0, "end": 4, "label": "ORG"}], "other": 1.5}]

    facts, lines = read("a.parquet", parquet(rows))

    assert facts.columns == ("text", "label", "other")
    assert values(lines) == [{"text": "Acme rose", "label": [{"start": 0, "end": 4, "label": "ORG"}]}]


def test_numbers_and_columns_of_another_schema_come_out_as_they_are(read: Read) -> None:
    lines = read("a.parquet", parquet([{"text": 5, "label": 1.5}, {"text": None, "label": float("nan")}]))[1]

    assert str(values(lines)) == "[{'text': 5, 'label': 1.5}, {'text': None, 'label': nan}]"
    assert values(read("a.parquet", parquet([{"body": "x"}]))[1]) == [{}]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl.gz", gzip.compress(JSONL * 1_000, mtime=0)[:-30]),
        ("a.csv.gz", gzip.compress(CSV * 1_000, mtime=0)[:-30]),
        ("a.parquet", parquet(ROWS)[:-30]),
        ("a.parquet.gz", gzip.compress(parquet(ROWS), mtime=0)[:-30]),
        ("a.jsonl.gz", JSONL),
        ("a.parquet", JSONL),
        ("a.parquet", b""),
        ("a.jsonl.gz", gzip.compress(JSONL, mtime=0)[:20] + b"\x00" * 40),
    ],
)
def test_a_file_cut_short_or_not_what_it_says_is_refused_whole(read: Read, name: str, data: bytes) -> None:
    with pytest.raises(UnreadableFile, match="mend the file and drop it again"):
        read(name, data)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz", "a.parquet.gz"])
def test_a_gzip_bomb_is_stopped_at_the_bound(read: Read, name: str) -> None:
    bomb = gzip.compress(b'{"text": "x"}\n' * 1_000_000, mtime=0)  # 14 MB in 14 kB
    assert len(bomb) < 100_000

    with pytest.raises(FileTooLarge, match=r"more than 2 MB once decompressed.*data\.max_file_mb"):
        read(name, bomb, max_file_mb=2)


def test_a_parquet_bomb_of_one_repeated_value_is_stopped_at_the_bound(read: Read) -> None:
    bomb = parquet([{"text": "x" * 10_000}] * 2_000)  # 20 MB, a dictionary of one entry
    assert len(bomb) < 100_000

    with pytest.raises(FileTooLarge):
        read("a.parquet", bomb, max_file_mb=2)


def test_a_plain_file_over_the_bound_is_refused(read: Read) -> None:
    with pytest.raises(FileTooLarge):
        read("a.jsonl", b'{"text": "x"}\n' * 100_000, max_file_mb=1)
