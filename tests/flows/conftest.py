"""A Prefect server for whole flows, started once, and a project small enough to train in seconds."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.server.settings import QUIET

os.environ.update(QUIET)  # before Prefect is imported: its server tells nobody, and its database is ours alone

from prefect.testing.utilities import prefect_test_harness

from fsl.config import RunConfig, StoreConfig
from fsl.config.file import parse_config
from fsl.project import Project, connect, push_config
from fsl.store.embedded.server import Endpoint
from fsl.store.objects import ObjectStore
from fsl.workspace import store_environment

TEMPLATE = Path(__file__).parents[2] / "fsl" / "templates" / "support-intents"

CONFIG = """
project: {name}
data: {{on_unknown_label: accept, new_label_min_rows: 5}}
learning:
  encoder: {{student_layers: 1, teacher: "packaged:all-MiniLM-L6-v2", max_length_tokens: 32}}
  teacher: {{epochs: 0}}
  student: {{epochs: 1}}
export: {{int8: false}}
triggers: {{min_new_rows: 60}}
drift: {{reference_rows: 60, window_rows: 60, n_permutations: 500}}
"""


@pytest.fixture(scope="session", autouse=True)
def prefect_server() -> Iterator[None]:
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def project(
    s3: Endpoint, store_config: StoreConfig, bucket_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """An empty project in the session's store, found by tasks through the environment."""
    name = f"flows-{uuid.uuid4().hex[:12]}"
    for key, value in store_environment(store_config, s3.credentials).items():
        monkeypatch.delenv(key, raising=False) if value is None else monkeypatch.setenv(key, value)
    config: RunConfig = parse_config(CONFIG.format(name=name), where="test")
    store = connect(store_config, name)  # in the bucket that `bucket_store` made
    push_config(config.model_copy(update={"store": store_config}), store)
    return Project(name, store, config)


@pytest.fixture(scope="session")
def sample_rows() -> list[dict[str, str]]:
    """Four intents of the template, the clearest rows that a one-layer student can learn."""
    wanted = {"track_order", "invoice_request", "device_pairing", "close_account"}
    found: dict[str, dict[str, str]] = {}
    for line in (TEMPLATE / "data" / "day-1" / "labelled.jsonl").read_bytes().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # the template's bad rows are there on purpose
        if isinstance(row, dict) and row.get("label") in wanted and _is_sound(row.get("text")):
            found.setdefault("".join(filter(str.isalnum, row["text"].casefold())), row)
    return list(found.values())


def _is_sound(text: object) -> bool:
    return isinstance(text, str) and text.isprintable() and 0 < len(text.strip("\u200b ")) < 1000
