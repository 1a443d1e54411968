"""What lies where under a project's prefix. Every key of the product is spelt here and nowhere else.

| key | what | rule |
|---|---|---|
| `layout.json` | version of this layout, the registry's id, the project's split key | create-only |
| `config.yaml` | the project's config, for workers on other machines | overwritten by `fsl config push` |
| `suite.json` | the project's own suite, where it has one | overwritten with the config |
| `inbox/<name>` | what people drop | never edited |
| `batches/commits/<seq>.json` | what was accepted at once: from which files, where rows lie | create-only, no gaps |
| `batches/rows/<sha256>.parquet` | accepted labelled rows | immutable |
| `batches/reports/<sha256>.html` | the validation page | immutable |
| `pool/<sha256>.parquet` | unlabelled texts | immutable |
| `quarantine/<sha256>.jsonl` | refused rows with their reasons | immutable |
| `set-aside/files/<sha256>/<name>` | a file that was set aside whole | immutable |
| `set-aside/notes/<sha256>/<name>.json` | why it was | written before the file leaves the inbox |
| `batches/seen/<digest>.json` | an upload of bytes that are a batch already; not fetched again | create-only |
| `embeddings/<encoder>/<sha256>.parquet` | an encoder's float16 vectors of a file of rows | rebuilt, never edited |
| `tombstones/<seq>.json` | what was taken out on purpose, and what is left instead | create-only, no gaps |
| `tombstones-done/<seq>.json` | a tombstone whose removals are all done | create-only |
| `snapshots/<digest>.json` | which batches and pool files a run used | immutable |
| `runs/<retrain key>/<step>.…` | what the finished steps of a run left | immutable, cleaned by housekeeping |
| `models/blobs/<sha256>` | files of versions | content-addressed |
| `models/versions/<version>/manifest.json` | a version | written last, create-only |
| `models/aliases/<alias>/<seq>.json` | one move of an alias: the pointer and the log in one | create-only, chained |
| `models/gc/<mark>/mark.json` | what a cleaning means to remove | gone when it is done |
| `models/gc/<mark>/<digest>.json` | one object of it: deleted, or spared since somebody needs it | create-only |
| `verdicts/<champion>/<seq>.json` | one verdict on a challenger of a champion, or of `nothing` | create-only |
| `models/requests/<version>.json` | a version waits for a person, from when until when | create-only |
| `models/approvals/<version>.json` | what the person decided, and why | create-only |
| `predictions/dt=…/hour=…/<id>.parquet` | what was served | immutable |
| `drift/<window>/report.html`, `decision.json` | one window's report | one per window |
| `drift/references/<version>/<file>.json` | its reference's row ids; its answers to tune rows, no texts | rebuilt |
| `claims/<kind>/<key>/<fence>.json` | who does what; taking over a claim is the next number | create-only |
| `claims/<kind>/<key>/<fence>.alive` | its sign of life, or that it was given back | overwritten by its holder |
| `reports/<retrain key>.html`, `.json` | the page of one retrain, and the record behind it | one per run |
"""

import re
from datetime import datetime

LAYOUT_VERSION = 2  # 1 gave a registry no id

LAYOUT = "layout.json"
CONFIG = "config.yaml"
SUITE = "suite.json"
INBOX = "inbox/"
INBOX_DIGEST_CHARS = 12
COMMITS = "batches/commits/"
SEEN = "batches/seen/"
SET_ASIDE_FILES = "set-aside/files/"
SET_ASIDE_NOTES = "set-aside/notes/"
TOMBSTONES = "tombstones/"
ROWS = "batches/rows/"
REPORTS = "batches/reports/"
EMBEDDINGS = "embeddings/"
POOL = "pool/"
QUARANTINE = "quarantine/"
SNAPSHOTS = "snapshots/"
RUNS = "runs/"
RUN_PAGES = "reports/"
VERSIONS = "models/versions/"
ALIASES = "models/aliases/"
MARKS = "models/gc/"
BLOBS = "models/blobs/"
VERDICTS = "verdicts/"
REQUESTS = "models/requests/"
PREDICTIONS = "predictions/"
DRIFT = "drift/"
CLAIMS = "claims/"
RUNS = "runs/"

_SEQUENCE = re.compile(r"(\d{8})\.json$")


def inbox(name: str, sha256: str = "") -> str:
    """With a digest, two different files of one name lie side by side."""
    return f"{INBOX}{sha256[:INBOX_DIGEST_CHARS]}-{name}" if sha256 else f"{INBOX}{name}"


def dropped_name(name: str) -> str:
    """Return what a file of the inbox was called when it was dropped, without the digest that was put before it."""
    name = name.removeprefix(INBOX)
    digest, dash, rest = name.partition("-")
    is_digest = len(digest) == INBOX_DIGEST_CHARS and set(digest) <= set("0123456789abcdef")
    return rest if dash and rest and is_digest else name


def commit(seq: int) -> str:
    return f"{COMMITS}{seq:08d}.json"


def rows(sha256: str) -> str:
    return f"batches/rows/{sha256}.parquet"


def embeddings(encoder: str, rows_sha256: str) -> str:
    return f"{EMBEDDINGS}{encoder}/{rows_sha256}.parquet"


def validation_page(sha256: str) -> str:
    return f"batches/reports/{sha256}.html"


def pool(sha256: str) -> str:
    return f"pool/{sha256}.parquet"


def quarantine(sha256: str) -> str:
    return f"quarantine/{sha256}.jsonl"


def set_aside(sha256: str, name: str) -> str:
    return f"{SET_ASIDE_FILES}{sha256}/{name}"


def set_aside_note(sha256: str, name: str) -> str:
    return f"{SET_ASIDE_NOTES}{sha256}/{name}.json"


def seen(digest: str) -> str:
    return f"{SEEN}{digest}.json"


def tombstone(seq: int) -> str:
    return f"{TOMBSTONES}{seq:08d}.json"


def tombstone_done(seq: int) -> str:
    return f"tombstones-done/{seq:08d}.json"


def snapshot(digest: str) -> str:
    return f"snapshots/{digest}.json"


def step(retrain_key: str, name: str) -> str:
    return f"{RUNS}{retrain_key}/{name}"


def blob(sha256: str) -> str:
    return f"{BLOBS}{sha256}"


def manifest(version: str) -> str:
    return f"{VERSIONS}{version}/manifest.json"


def moves(alias: str) -> str:
    return f"{ALIASES}{alias}/"


def move(alias: str, seq: int) -> str:
    return f"{ALIASES}{alias}/{seq:08d}.json"


def mark(name: str) -> str:
    return f"{MARKS}{name}/mark.json"


def ruling(mark_name: str, digest: str) -> str:
    return f"{MARKS}{mark_name}/{digest}.json"


def verdicts(champion: str | None) -> str:
    return f"{VERDICTS}{champion or 'nothing'}/"


def verdict(champion: str | None, seq: int) -> str:
    return f"{verdicts(champion)}{seq:08d}.json"


def request(version: str) -> str:
    return f"{REQUESTS}{version}.json"


def approval(version: str) -> str:
    return f"models/approvals/{version}.json"


def predictions(time: datetime, part: str) -> str:
    return f"{PREDICTIONS}dt={time:%Y-%m-%d}/hour={time:%H}/{part}.parquet"


def drift(window: str, name: str) -> str:
    return f"{DRIFT}{window}/{name}"


def drift_reference(version: str, name: str) -> str:
    return f"{DRIFT}references/{version}/{name}"


def claims(kind: str, key: str) -> str:
    return f"{CLAIMS}{kind}/{key}/"


def claim(kind: str, key: str, fence: int) -> str:
    return f"{claims(kind, key)}{fence:08d}.json"


def claim_sign(kind: str, key: str, fence: int) -> str:
    return f"{claims(kind, key)}{fence:08d}.alive"


def run_page(retrain_key: str) -> str:
    return f"reports/{retrain_key}.html"


def run_record(retrain_key: str) -> str:
    return f"reports/{retrain_key}.json"


def sequence_of(key: str) -> int | None:
    """Return the number in a commit's or a move's key, or None where the key is not one."""
    match = _SEQUENCE.search(key)
    return int(match.group(1)) if match else None
