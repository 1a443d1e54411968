"""Files that are broken as a whole or by the way in which they come: a sentence, a count, nothing lost."""

import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsl.config import DataConfig, RunConfig
from fsl.data.batches import BatchRecord
from fsl.data.intake import ingest_object, pending_objects
from fsl.data.quarantine import RefusedRow
from fsl.data.reading.files import open_rows
from fsl.errors import FslError
from fsl.store.objects import ObjectStore

Ingest = Callable[..., BatchRecord]
Rows = Callable[..., list[dict[str, Any]]]
Refused = Callable[[BatchRecord], list[RefusedRow]]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz"])
def test_a_line_of_50_mb_costs_its_row_and_no_memory(name: str, tmp_path: Path) -> None:
    line = b"x" * 50_000_000
    data = b'{"text": "before"}\n' + line + b'\n{"text": "after"}\n'
    if ".csv" in name:
        data = b"text,label\nbefore,a\n" + line + b"\nafter,a\n"
    (tmp_path / name).write_bytes(gzip.compress(data, 1, mtime=0))
    del data, line

    tracemalloc.start()
    with open_rows(tmp_path / name, name=name, config=DataConfig(), columns=("text", "label")) as reading:
        lines = list(reading.lines)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert [getattr(one, "reason", None) is None for one in lines] == [True, False, True]
    assert "more than" in lines[1].reason or "longer than" in lines[1].reason  # type: ignore[union-attr]
    assert peak < 15_000_000


@pytest.mark.parametrize(
    ("label", "words"),
    [(float("nan"), "the label is nan, but a label is a text"), (3.0, "the label is 3.0, but a label is a text")],
)
def test_nan_and_numbers_as_labels_of_parquet_are_refused_in_words(
    ingest: Ingest, refused: Refused, sound_rows: Rows, label: float, words: str
) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["odd one", "no label"], "label": [label, None]}), sink)
    ingest("sound.jsonl", sound_rows())

    record = ingest("odd.parquet", sink.getvalue())

    assert [reason.words for row in refused(record) for reason in row.reasons] == [words]
    assert (record.rows.n, record.pool.n) == (0, 1)


def test_an_upload_that_is_not_finished_is_not_there_yet(
    store: ObjectStore,
    build_config: Callable[..., RunConfig],
    jsonl: Callable[[Any], bytes],
    sound_rows: Rows,
    now: datetime,
) -> None:
    client, place = store._client, {"Bucket": store.bucket, "Key": f"{store.prefix}inbox/a.jsonl"}
    upload = client.create_multipart_upload(**place)["UploadId"]
    part = client.upload_part(**place, UploadId=upload, PartNumber=1, Body=jsonl(sound_rows()))
    assert pending_objects(store) == ()

    parts = [{"ETag": part["ETag"], "PartNumber": 1}]
    client.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})

    (key,) = pending_objects(store)
    assert ingest_object(store, build_config(), key, now=now).rows.n == 10


JUNK = st.one_of(
    st.binary(max_size=200),
    st.lists(
        st.sampled_from(
            [
                b"text,label\n",
                b'{"text": "a"}\n',
                b'"',
                b"\xef\xbb\xbf",
                b"\xff\xfe",
                b"\0",
                b",",
                b"\r\n",
                b"PAR1",
                b"{",
            ]
        ),
        max_size=12,
    ).map(b"".join),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=JUNK, form=st.sampled_from(["jsonl", "csv", "parquet"]), is_zipped=st.booleans())
def test_whatever_bytes_come_are_rows_or_reasons_or_one_sentence(
    data: bytes, form: str, is_zipped: bool, tmp_path: Path
) -> None:
    name = f"a.{form}.gz" if is_zipped else f"a.{form}"
    (tmp_path / name).write_bytes(gzip.compress(data, mtime=0) if is_zipped else data)

    try:
        with open_rows(tmp_path / name, name=name, config=DataConfig(), columns=("text", "label")) as reading:
            lines = list(reading.lines)
    except FslError as error:
        lines, words = [], str(error)
        if name not in words:
            pytest.fail(f"the sentence does not name the file: {words}")
    assert len(lines) <= len(data)
    assert [line.line for line in lines] == sorted({line.line for line in lines})
    json.dumps([getattr(line, "raw", "") for line in lines])
