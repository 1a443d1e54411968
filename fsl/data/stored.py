"""Records of ours as JSON documents in the bucket: frozen dataclasses out, the same dataclasses back, checked.

Keys that a document has and its dataclass has not are left alone, so that a field added later harms no older reader.
"""

import json
from functools import cached_property
from typing import Generic, TypeVar

from pydantic import TypeAdapter

from fsl.store import documents
from fsl.store.errors import DamagedObject, NewerSchema

Record = TypeVar("Record")


class Documents(Generic[Record]):
    """How records of one kind are stored."""

    def __init__(self, kind: type[Record], *, schema: int) -> None:
        self._kind, self._schema = kind, schema

    def to_bytes(self, record: Record, *, schema: int | None = None) -> bytes:
        """Return the document of a record: the same record is always the same bytes.

        Args:
            schema: an earlier one, where the record needs nothing of the later ones and older readers may read it.
        """
        return documents.to_bytes({**self._adapter.dump_python(record, mode="json"), "schema": schema or self._schema})

    def parse(self, data: bytes, *, where: str) -> Record:
        """Read a document back. Raises NewerSchema, and DamagedObject for one that is something else."""
        try:
            found = json.loads(data)["schema"]
            if not isinstance(found, int) or found < 1:
                raise ValueError(f"its schema is {found!r}")
            if found > self._schema:
                raise NewerSchema(where, f"its schema is {found}, and {self._schema} is the newest known here")
            return self._adapter.validate_json(data, strict=True)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DamagedObject(where, f"it is no {self._kind.__name__} ({reason})") from error

    @cached_property
    def _adapter(self) -> TypeAdapter[Record]:
        return TypeAdapter(self._kind)
