import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from fsl.store import errors
from fsl.store.layout_file import open_layout
from fsl.store.objects import ObjectStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = "5eed" * 16


@pytest.mark.conformance
def test_a_new_project_gets_its_layout(store: ObjectStore) -> None:
    made = open_layout(store, "support-intents", split_key=KEY, now=NOW)

    assert json.loads(store.get("layout.json")) == {
        "layout": 2,
        "registry": made.registry,
        "project": "support-intents",
        "split_key": KEY,
        "created": "2026-03-01T12:00:00+00:00",
    }
    assert open_layout(store, "support-intents") == made


def test_a_project_that_is_there_keeps_its_split_key(store: ObjectStore) -> None:
    open_layout(store, "support-intents", split_key=KEY)

    assert open_layout(store, "support-intents", split_key="0" * 64).split_key == KEY


@pytest.mark.conformance
def test_of_eight_creators_at_once_all_go_on_with_one_split_key(store: ObjectStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: open_layout(store, "support-intents").split_key, range(8)))

    assert len(keys) == 1


def test_a_newer_layout_is_refused_with_a_sentence(store: ObjectStore) -> None:
    store.put("layout.json", b'{"layout": 3, "whatever": true}')

    with pytest.raises(errors.LayoutTooNew, match=r"its 'layout' is 3, and this fsl knows 2\. Update fsl"):
        open_layout(store, "support-intents")


def test_another_projects_prefix_is_refused(store: ObjectStore) -> None:
    open_layout(store, "support-intents")

    with pytest.raises(errors.ForeignProject, match="belongs to project 'support-intents', not to 'finance'"):
        open_layout(store, "finance")


@pytest.mark.parametrize("data", [b"", b"{}", b'{"layout": 0}', b'{"layout": 2, "project": "p", "split_key": "zz"}'])
def test_a_file_that_is_no_layout_is_refused(store: ObjectStore, data: bytes) -> None:
    store.put("layout.json", data)

    with pytest.raises(errors.DamagedObject, match=r"layout\.json is damaged"):
        open_layout(store, "support-intents")
    assert store.get("layout.json") == data
