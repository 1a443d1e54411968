"""The JSON documents of the bucket: one way to write them, one strict way to read them.

What each document holds stands with its part: manifests, moves, the layout file.
"""

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from fsl.store.errors import DamagedObject, NewerSchema


class Document(BaseModel):
    """A JSON object that says by which schema it was written. Keys that are not known here are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


DocumentT = TypeVar("DocumentT", bound=Document)


def to_bytes(value: Any) -> bytes:
    """Return the bytes that are stored for a value: sorted, readable, in UTF-8. Raises ValueError, TypeError."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=1)
    return text.encode("utf-8", errors="replace") + b"\n"


def parse(kind: type[DocumentT], data: bytes, where: str, *, schema_key: str, schema: int) -> DocumentT:
    """Read a document. Raises NewerSchema for one of a later schema, DamagedObject for one that is not of its kind."""
    try:
        values = json.loads(data)
        version = values[schema_key]
        if type(version) is not int or version < 1:
            raise ValueError(f"its {schema_key!r} is no number of one")
        if version > schema:
            raise NewerSchema(where, f"its {schema_key!r} is {version}, and this fsl knows {schema}")
        return kind.model_validate_json(data)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedObject(where, f"it is not a document of its kind ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        fault = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
    return " ".join(f"{type(error).__name__}: {error}".split())[:120]
