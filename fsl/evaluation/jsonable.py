"""Records to plain JSON and back. Where they are stored is the caller's business."""

import json
import math
from typing import Annotated, TypeVar, cast

from pydantic import BeforeValidator, JsonValue, PlainSerializer, TypeAdapter, ValidationError

from fsl.evaluation.errors import DamagedRecord

Record = TypeVar("Record")

# JSON has no NaN: it travels as null, so that a damaged model's scores can still be stored and read.
Number = Annotated[
    float,
    PlainSerializer(lambda number: number if math.isfinite(number) else None),
    BeforeValidator(lambda value: math.nan if value is None else value),
]


def to_json(record: object) -> dict[str, JsonValue]:
    """Return a dataclass as plain JSON values; `from_json` gives it back."""
    return cast("dict[str, JsonValue]", TypeAdapter(type(record)).dump_python(record, mode="json"))


def from_json(kind: type[Record], value: JsonValue) -> Record:
    """Return the record that the JSON describes. Raises DamagedRecord."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise DamagedRecord(kind.__name__, faults) from error


def canonical_json(value: JsonValue) -> str:
    """Return one text for equal values, to count and compare them by."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
