"""The numbers of the templates' data cards, counted."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsl.workspace import template_names

TEMPLATES = Path(__file__).parents[2] / "fsl" / "templates"


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
