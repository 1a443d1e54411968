"""Which keys and names may be used. What lies where is `fsl.store.layout`."""

import re

from fsl.store.errors import BadName

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MAX_KEY_BYTES = 1024  # S3's own limit


def checked_key(key: str) -> str:
    """Return the key as it is. Raises BadName where it would climb out of its prefix or hide what it is."""
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise BadName("a key", key, 'it may hold no empty part, no "." and no "..", and not begin or end with "/"')
    if _CONTROL.search(key) or "\\" in key:
        raise BadName("a key", key, "it may hold no control characters and no backslash")
    try:
        n_bytes = len(key.encode())
    except UnicodeEncodeError as error:
        raise BadName("a key", key, "it is not valid Unicode") from error
    if n_bytes > _MAX_KEY_BYTES:
        raise BadName("a key", key[:40] + "…", f"it has {n_bytes} bytes, and S3 allows {_MAX_KEY_BYTES}")
    return key


def checked_prefix(prefix: str) -> str:
    """Return the prefix with one "/" at its end, or "" for none. Raises BadName as `checked_key` does."""
    return f"{checked_key(prefix.removesuffix('/'))}/" if prefix else ""


def checked_name(what: str, name: str) -> str:
    """Return the name of a version or an alias as it is. Raises BadName."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise BadName(
            what, name, 'use up to 100 ASCII letters, digits, ".", "_" and "-", beginning with a letter or digit'
        )
    return name
