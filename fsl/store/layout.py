"""What lies where under a project's prefix. Every key of the product is spelt here and nowhere else.

| key | what | rule |
|---|---|---|
| `layout.json` | version of this layout, the project's split key | create-only |
| `config.yaml` | the project's config, for workers on other machines | overwritten by `fsl config push` |
| `suite.json` | the project's own suite, where it has one | overwritten with the config |
| `inbox/<name>` | what people drop | never edited |
| `batches/commits/<seq>.json` | one accepted file: what it held, where its rows lie | create-only, no gaps |
| `batches/rows/<sha256>.parquet` | accepted labelled rows | immutable |
| `batches/reports/<sha256>.html` | the validation page | immutable |
| `pool/<sha256>.parquet` | unlabelled texts | immutable |
| `quarantine/<sha256>.jsonl` | refused rows with their reasons | immutable |
| `quarantine/files/<sha256>/<name>` | a file that was set aside whole | immutable |
| `quarantine/notes/<sha256>/<name>.json` | why it was | written before the file leaves the inbox |
| `batches/seen/<digest>.json` | an upload of bytes that are a batch already; not fetched again | create-only |
| `snapshots/<digest>.json` | which batches and pool files a run used | immutable |
| `runs/<retrain key>/<step>.…` | what the finished steps of a run left | immutable, cleaned by housekeeping |
| `models/blobs/<sha256>` | files of versions | content-addressed |
| `models/versions/<version>/manifest.json` | a version | written last, create-only |
| `models/aliases/<alias>/<seq>.json` | one move of an alias: the pointer and the log in one | create-only, chained |
| `predictions/dt=…/hour=…/<id>.parquet` | what was served | immutable |
| `drift/<window>/report.html`, `decision.json` | one window's report | one per window |
| `reports/<retrain key>.html` | the page of one retrain | one per run |
"""

import re
from datetime import datetime

LAYOUT_VERSION = 1

LAYOUT = "layout.json"
CONFIG = "config.yaml"
SUITE = "suite.json"
INBOX = "inbox/"
INBOX_DIGEST_CHARS = 12
COMMITS = "batches/commits/"
SEEN = "batches/seen/"
SET_ASIDE_NOTES = "quarantine/notes/"
VERSIONS = "models/versions/"
ALIASES = "models/aliases/"
PREDICTIONS = "predictions/"
DRIFT = "drift/"

_SEQUENCE = re.compile(r"(\d{8})\.json$")


def inbox(name: str, sha256: str = "") -> str:
    """With a digest, two different files of one name lie side by side."""
    return f"{INBOX}{sha256[:INBOX_DIGEST_CHARS]}-{name}" if sha256 else f"{INBOX}{name}"


def commit(seq: int) -> str:
    return f"{COMMITS}{seq:08d}.json"


def rows(sha256: str) -> str:
    return f"batches/rows/{sha256}.parquet"


def validation_page(sha256: str) -> str:
    return f"batches/reports/{sha256}.html"


def pool(sha256: str) -> str:
    return f"pool/{sha256}.parquet"


def quarantine(sha256: str) -> str:
    return f"quarantine/{sha256}.jsonl"


def set_aside(sha256: str, name: str) -> str:
    return f"quarantine/files/{sha256}/{name}"


def set_aside_note(sha256: str, name: str) -> str:
    return f"{SET_ASIDE_NOTES}{sha256}/{name}.json"


def seen(digest: str) -> str:
    return f"{SEEN}{digest}.json"


def snapshot(digest: str) -> str:
    return f"snapshots/{digest}.json"


def step(retrain_key: str, name: str) -> str:
    return f"runs/{retrain_key}/{name}"


def blob(sha256: str) -> str:
    return f"models/blobs/{sha256}"


def manifest(version: str) -> str:
    return f"{VERSIONS}{version}/manifest.json"


def moves(alias: str) -> str:
    return f"{ALIASES}{alias}/"


def move(alias: str, seq: int) -> str:
    return f"{ALIASES}{alias}/{seq:08d}.json"


def predictions(time: datetime, part: str) -> str:
    return f"{PREDICTIONS}dt={time:%Y-%m-%d}/hour={time:%H}/{part}.parquet"


def drift(window: str, name: str) -> str:
    return f"{DRIFT}{window}/{name}"


def run_page(retrain_key: str) -> str:
    return f"reports/{retrain_key}.html"


def sequence_of(key: str) -> int | None:
    """Return the number in a commit's or a move's key, or None where the key is not one."""
    match = _SEQUENCE.search(key)
    return int(match.group(1)) if match else None
