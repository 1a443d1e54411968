"""What the embedded server keeps in its folder: secrets, its own config, and who runs it. All of it is private (0600).

| file | what |
|---|---|
| `data/` | the objects, in SeaweedFS' own form |
| `s3.json` | the owner's identity and keys, made at random for this folder, and those of roles |
| `credentials` | the same keys as profiles for AWS tools (`fsl.store.embedded.roles`) |
| `security.toml` | keys without which SeaweedFS' inner servers would answer every user of this machine |
| `server.json` | process id, port, and whether the server ends with its last user |
| `server.log` | what the server says |
| `starting.lock`, `users.lock` | so that two starters do not race, and the last user is known |
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from fsl.store.clients import Credentials

LOG = "server.log"
OWNER = "fsl"  # the identity that may do anything
_ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]
_SECURITY_SECTIONS = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")


@dataclass(frozen=True)
class ServerRecord:
    """The contents of `server.json`."""

    pid: int
    port: int
    temporary: bool  # started by `running`, to be stopped by its last user

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def prepare_folder(folder: Path) -> Credentials:
    """Make what is missing, and return the folder's credentials."""
    (folder / "data").mkdir(parents=True, exist_ok=True, mode=0o700)
    security = folder / "security.toml"
    if not security.exists():
        sections = (f'[{name}]\nkey = "{secrets.token_hex(32)}"\n' for name in _SECURITY_SECTIONS)
        write_private(security, "\n".join(sections))
    identities = folder / "s3.json"
    if not identities.exists():
        keys = {"accessKey": f"fsl{secrets.token_hex(8)}", "secretKey": secrets.token_urlsafe(30)}
        write_private(
            identities, json.dumps({"identities": [{"name": OWNER, "credentials": [keys], "actions": _ACTIONS}]})
        )
    return read_credentials(folder)


def read_credentials(folder: Path) -> Credentials:
    """Return the keys of the folder's owner."""
    identities = json.loads((folder / "s3.json").read_text(encoding="utf-8"))
    keys = identities["identities"][0]["credentials"][0]
    return Credentials(keys["accessKey"], keys["secretKey"])


def read_record(folder: Path) -> ServerRecord | None:
    """Return who serves this folder, as far as it was recorded."""
    try:
        facts = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        return ServerRecord(int(facts["pid"]), int(facts["port"]), bool(facts["temporary"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None  # a half-written or foreign file says nothing; the process list decides


def write_record(folder: Path, record: ServerRecord | None) -> None:
    """Record who serves this folder; None: nobody."""
    path = folder / "server.json"
    if record is None:
        path.unlink(missing_ok=True)
    else:
        write_private(path, json.dumps(asdict(record)))


def log_tail(folder: Path, n_lines: int = 8) -> str:
    """Return the last lines of the server's log."""
    try:
        text = (folder / LOG).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "(there is no log)"
    return "\n".join(f"  {line[:300]}" for line in text.strip().splitlines()[-n_lines:])


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; it appears whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
