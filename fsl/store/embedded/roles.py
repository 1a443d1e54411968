"""Credentials for the roles at the embedded server: an identity in its `s3.json`, with the very policy that AWS takes.

SeaweedFS reads its policies when it starts, so what is granted here holds from the next start on. What a role may do is
`fsl.store.roles`. All credentials of a folder also lie in `credentials`, in the form that every AWS tool reads.
"""

import configparser
import io
import json
import secrets
from pathlib import Path
from typing import Any

from fsl.store.clients import Credentials
from fsl.store.embedded.files import write_private
from fsl.store.file_locks import exclusive
from fsl.store.roles import Role, build_policy

CREDENTIALS = "credentials"


def grant_role(folder: Path, role: Role, bucket: str, project: str) -> Credentials:
    """Give the folder's server credentials for a role, from its next start on; those that are there stay.

    Raises:
        BadName: no bucket can have this name; nothing was granted.
    """
    # SeaweedFS 4.48 does not know the key `s3:if-none-match`, so it cannot keep a role from writing over.
    policy = build_policy(role, bucket, project, knows_create_only=False)
    with exclusive(folder / "starting.lock"):
        document = _read(folder)
        identity = _find(document["identities"], role.name) or {"name": role.name, "credentials": [_new_keys()]}
        _replace(document["identities"], identity | {"policyNames": [role.name]})
        _replace(document.setdefault("policies", []), {"name": role.name, "content": json.dumps(policy)})
        write_private(folder / "s3.json", json.dumps(document))
    write_credentials_file(folder)
    keys = identity["credentials"][0]
    return Credentials(keys["accessKey"], keys["secretKey"])


def write_credentials_file(folder: Path) -> Path:
    """Write all credentials of the folder as profiles for AWS tools, and return the file. It is the owner's alone."""
    profiles = configparser.RawConfigParser()
    for identity in _read(folder)["identities"]:
        keys = identity["credentials"][0]
        profiles[identity["name"]] = {
            "aws_access_key_id": keys["accessKey"],
            "aws_secret_access_key": keys["secretKey"],
        }
    text = io.StringIO()
    profiles.write(text)
    write_private(folder / CREDENTIALS, text.getvalue())
    return folder / CREDENTIALS


def _read(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "s3.json").read_text(encoding="utf-8"))
    return document


def _new_keys() -> dict[str, str]:
    return {"accessKey": f"fsl{secrets.token_hex(8)}", "secretKey": secrets.token_urlsafe(30)}


def _find(items: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((item for item in items if item["name"] == name), None)


def _replace(items: list[dict[str, Any]], new: dict[str, Any]) -> None:
    """Put it where the item of its name stands; the owner's identity stays the first."""
    for place, item in enumerate(items):
        if item["name"] == new["name"]:
            items[place] = new
            return
    items.append(new)
