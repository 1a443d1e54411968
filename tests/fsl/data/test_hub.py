"""Data sets by name: a folder in the hub's layout is read offline; what cannot be read is told in a sentence."""

import json
from pathlib import Path

import pytest

from fsl.config import DataConfig
from fsl.data import hub
from fsl.data.errors import FileTooLarge, HubFault
from fsl.data.hub import HubSource, fetch_dataset, read_spec
from fsl.errors import MissingPackage

ROWS = [{"text": "where is my parcel 你好", "label": "track"}, {"text": "<b>refund</b> me", "label": "refund"}]


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that holds a data set in the hub's layout; the hub itself cannot be reached."""
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    folder = tmp_path / "org" / "intents"
    (folder / "data").mkdir(parents=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    (folder / "data" / "train-00000.jsonl").write_text(lines, encoding="utf-8")
    (folder / "data" / "test-00000.jsonl").write_text(lines.splitlines()[0] + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("split", "n"), [("train", 2), ("test", 1)])
def test_the_rows_of_a_split_become_a_file_of_json_lines(offline: Path, split: str, n: int) -> None:
    path = fetch_dataset(HubSource("org/intents", split), offline, DataConfig())

    assert path.name == f"org--intents-{split}.jsonl"
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == ROWS[:n]


def test_class_numbers_become_their_names() -> None:
    named = hub._named({"text": "a", "label": 1, "other": 1}, {"label": ["track", "refund"]})

    assert named == {"text": "a", "label": "refund", "other": 1}
    assert hub._named({"label": -1}, {"label": ["track"]}) == {"label": None}


@pytest.mark.parametrize("source", [HubSource("org/nothing", "train"), HubSource("org/intents", "nothing")])
def test_what_cannot_be_read_is_told_in_a_sentence(offline: Path, source: HubSource) -> None:
    with pytest.raises(HubFault, match=r"nothing was dropped\. Check the name, the split and the network"):
        fetch_dataset(source, offline, DataConfig())


def test_a_data_set_over_the_bound_is_stopped(offline: Path) -> None:
    big = offline / "org" / "intents" / "data" / "train-00000.jsonl"
    big.write_text(json.dumps({"text": "x" * 1_000, "label": "a"}) + "\n" * 1, encoding="utf-8")
    big.write_text(big.read_text(encoding="utf-8") * 1_100, encoding="utf-8")

    with pytest.raises(FileTooLarge, match=r"data\.max_file_mb"):
        fetch_dataset(HubSource("org/intents", "train"), offline, DataConfig(max_file_mb=1))


def test_without_the_package_the_command_to_install_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)

    with pytest.raises(MissingPackage, match=r"pip install 'fsl\[hub\]'"):
        fetch_dataset(HubSource("org/intents", "train"), tmp_path, DataConfig())


@pytest.mark.parametrize(
    ("spec", "expected"),
    [("hf:set", HubSource("set", "train")), ("hf:org/set:test", HubSource("org/set", "test"))],
)
def test_a_name_is_read_with_its_split(spec: str, expected: HubSource) -> None:
    assert read_spec(spec) == expected


@pytest.mark.parametrize("spec", ["hf:", "hf:../etc", "hf:a/b/c", "hf:a b", "hf:set:../x", "hf:s3://x"])
def test_what_is_no_name_is_refused(spec: str) -> None:
    with pytest.raises(HubFault, match="that is no name of a data set"):
        read_spec(spec)
