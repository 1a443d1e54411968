"""The one door to S3: get, put, create-only, stream, list, delete. Only `fsl.store.clients` imports boto3 beside it.

Every answer that is not a yes leaves here as one of the types in `fsl.store.errors`. Keys are relative to the
store's prefix and cannot climb out of it. What lies under which key is `fsl.store.layout`.
"""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from fsl.config import StoreConfig
from fsl.store.clients import N_ATTEMPTS, Credentials, first_line, lend_client
from fsl.store.errors import (
    AccessRefused,
    CredentialsRefused,
    DamagedObject,
    LockUnusable,
    NoEndpoint,
    NotSupported,
    ObjectMissing,
    StoreError,
    StoreFaulty,
    StoreUnreachable,
    TlsFailed,
)
from fsl.store.file_locks import exclusive
from fsl.store.keys import checked_key, checked_prefix
from fsl.store.refusals import refusal

log = logging.getLogger(__name__)

N_BODY_ATTEMPTS = 3  # boto does not repeat a read whose body broke off
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a listing tells of one object; `key` is relative to the store it was listed from."""

    key: str
    size: int
    etag: str
    modified: datetime


@dataclass(frozen=True)
class ObjectStore:
    """One prefix of one bucket. Safe to share between threads."""

    endpoint_url: str
    bucket: str
    prefix: str
    region: str
    _client: Any = field(repr=False, compare=False)
    lock_file: Path | None = None  # create-only writes take turns by it, for a store that cannot tell them apart

    @classmethod
    def connect(
        cls,
        config: StoreConfig,
        *,
        prefix: str = "",
        credentials: Credentials | None = None,
        give_up_seconds: float | None = None,
    ) -> "ObjectStore":
        """Open a client; no request is made yet. Without credentials, the AWS chain gives them.

        Args:
            give_up_seconds: see `lend_client`.
        """
        if config.endpoint_url is None:
            raise NoEndpoint(f"bucket {config.bucket}", "`store.endpoint_url` is empty")
        client = lend_client(config, credentials, give_up_seconds=give_up_seconds)
        return cls(config.endpoint_url, config.bucket, checked_prefix(prefix), config.region, client, config.lock_file)

    def within(self, prefix: str) -> "ObjectStore":
        """Return the same store, seen from a deeper prefix."""
        return replace(self, prefix=self.prefix + checked_prefix(prefix))

    def where(self, key: str = "") -> str:
        """Name a key for people, with endpoint, bucket and prefix."""
        return f"{self.endpoint_url}/{self.bucket}/{self.prefix}{key}"

    def ensure_bucket(self) -> None:
        """Create the bucket where it is missing. Harmless when it is there, or when two do it at once."""
        with self._asking() as client:
            try:
                client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1)
                return
            except client.exceptions.NoSuchBucket:
                log.info("creating bucket %s at %s", self.bucket, self.endpoint_url)
            elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
            try:
                client.create_bucket(Bucket=self.bucket, **({} if self.region == "us-east-1" else elsewhere))
            except (client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
                log.info("somebody else created bucket %s just now", self.bucket)

    def get(self, key: str) -> bytes:
        """Return the object's bytes. Raises ObjectMissing."""
        sink = BytesIO()
        self._read_into(key, sink)
        return sink.getvalue()

    def fetch(self, key: str, *, max_bytes: int) -> tuple[ObjectInfo, bytes]:
        """Return the object's bytes with the size and etag of these very bytes: one request, so one version.

        Raises:
            ObjectMissing: there is no such object.
            DamagedObject: it holds more than `max_bytes`, so nothing of it was read.
        """
        sink = BytesIO()
        answer = self._read_into(key, sink, max_bytes)
        data = sink.getvalue()
        return ObjectInfo(key, len(data), answer["ETag"].strip('"'), answer["LastModified"]), data

    def find(self, key: str) -> bytes | None:
        """Return the object's bytes, or None where there is no object."""
        try:
            return self.get(key)
        except ObjectMissing:
            return None

    def head(self, key: str) -> ObjectInfo | None:
        """Return size and etag without the bytes, or None where there is no object."""
        try:
            with self._asking(key) as client:
                answer = client.head_object(Bucket=self.bucket, Key=self._full(key))
        except ObjectMissing:
            return None
        return ObjectInfo(key, answer["ContentLength"], answer["ETag"].strip('"'), answer["LastModified"])

    def age(self, key: str) -> timedelta | None:
        """Return how long ago the object was written, or None where there is no object.

        Both ends are the store's own: what it says of the object, and the time it gives its answer. So this machine's
        clock does not matter. Whole seconds, so two may be off by one.
        """
        try:
            with self._asking(key) as client:
                answer = client.head_object(Bucket=self.bucket, Key=self._full(key))
        except ObjectMissing:
            return None
        said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        if said is None:
            raise NotSupported(self.where(key), "its answers carry no Date, so nobody can tell how old anything is")
        written: datetime = answer["LastModified"]
        return max(parsedate_to_datetime(said) - written, timedelta(0))

    def put(self, key: str, data: bytes) -> None:
        """Write the object, over what was there."""
        with self._asking(key) as client:
            client.put_object(Bucket=self.bucket, Key=self._full(key), Body=data)

    def create(self, key: str, data: bytes) -> bool:
        """Write the object only where there is none.

        Returns:
            True when the object now holds exactly `data`; False when it exists with other bytes.
        """
        for _ in range(N_ATTEMPTS):
            if self._create_in_turn(key, data, self.lock_file) if self.lock_file else self._create_once(key, data):
                return True
            # The refused write may have been the second try of our own: only its bytes can tell.
            holds = self._holds(key, data)
            if holds is not None:
                return holds
            log.info("%s was refused as existing, and is gone: trying again", self.where(key))
        raise StoreFaulty(self.where(key), "it is refused as existing, and cannot be read")

    def upload(self, key: str, path: Path) -> None:
        """Write a file's bytes as an object, in parts where it is large."""
        with self._asking(key) as client, path.open("rb") as file:
            if path.stat().st_size <= CHUNK_BYTES:  # the threads that send parts cost more than such a file
                client.put_object(Bucket=self.bucket, Key=self._full(key), Body=file.read())
            else:
                client.upload_fileobj(file, self.bucket, self._full(key))

    def download(self, key: str, path: Path, *, max_bytes: int | None = None) -> None:
        """Write an object's bytes to a file, which appears whole or not at all.

        Raises:
            ObjectMissing: there is no such object.
            DamagedObject: it holds more than `max_bytes`, so nothing of it was read.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as file:
            beside = Path(file.name)
            try:
                self._read_into(key, file, max_bytes)
                file.close()
                beside.replace(path)
            finally:
                beside.unlink(missing_ok=True)

    def list(self, prefix: str = "", after: str | None = None) -> Iterator[ObjectInfo]:
        """Yield what lies under the prefix, from behind the key `after` on, in the store's order.

        Keys of one folder come sorted; stores differ in how they order folders.
        """
        start = {} if after is None else {"StartAfter": self.prefix + after}
        inner = self.prefix + (checked_prefix(prefix) if prefix.endswith("/") else prefix and checked_key(prefix))
        with self._asking(prefix) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=inner, **start)
            for page in pages:
                for item in page.get("Contents", ()):
                    key = item["Key"].removeprefix(self.prefix)
                    yield ObjectInfo(key, item["Size"], item["ETag"].strip('"'), item["LastModified"])

    def folders(self, prefix: str = "") -> Iterator[str]:
        """Yield the names of the folders right under the prefix, without what lies in them."""
        inner = self.prefix + checked_prefix(prefix)
        with self._asking(prefix) as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=inner, Delimiter="/")
            for page in pages:
                for item in page.get("CommonPrefixes", ()):
                    yield item["Prefix"].removeprefix(inner).rstrip("/")

    def delete(self, key: str) -> None:
        """Remove the object; harmless where there is none."""
        with self._asking(key) as client:
            client.delete_object(Bucket=self.bucket, Key=self._full(key))

    def erase(self, prefix: str) -> bool:
        """Remove everything under a prefix, with old versions and delete markers.

        Returns:
            Whether the bucket keeps versions. False, too, where the store does not let them be listed: then only
            what `list` shows was removed.
        """
        inner = self.prefix + checked_prefix(prefix)
        try:
            with self._asking(prefix) as client:
                pages = client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=inner)
                found = [
                    item for page in pages for kind in ("Versions", "DeleteMarkers") for item in page.get(kind, ())
                ]
                for item in found:
                    client.delete_object(Bucket=self.bucket, Key=item["Key"], VersionId=item["VersionId"])
                return any(item["VersionId"] != "null" for item in found)
        except (NotSupported, AccessRefused) as error:
            log.info("old versions under %s cannot be listed: %s", self.where(prefix), error.reason)
            for info in list(self.list(prefix)):
                self.delete(info.key)
            return False

    def server_name(self) -> str:
        """Return what the server calls itself, release and all, or "" where it does not; a refusal tells as well."""
        with self._asking() as client:
            try:
                answer = client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1)
            except client.exceptions.ClientError as error:
                answer = error.response
        return str(answer["ResponseMetadata"].get("HTTPHeaders", {}).get("server", ""))[:200]

    def abort_uploads(self, prefix: str, *, before: datetime) -> int:
        """End the multipart uploads that began before a time and were never finished. Returns how many."""
        n_ended = 0
        with self._asking(prefix) as client:
            pages = client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.bucket, Prefix=self.prefix + checked_prefix(prefix)
            )
            for upload in (upload for page in pages for upload in page.get("Uploads", ())):
                if upload["Initiated"] <= before:
                    client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                    n_ended += 1
        return n_ended

    def delete_versions(self, key: str, *, keep_latest: bool = False) -> int:
        """Remove every version of the object, delete marks included; return how many went.

        Without versioning there is one version at most: the object itself. A store that knows no versions has none.

        Args:
            keep_latest: leave what a reader gets now.
        """
        n_removed = 0
        full = self._full(key)
        with self._asking(key) as client:
            for page in client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=full):
                for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    if item["Key"] == full and not (keep_latest and item["IsLatest"]):
                        client.delete_object(Bucket=self.bucket, Key=full, VersionId=item["VersionId"])
                        n_removed += 1
        return n_removed

    def _full(self, key: str) -> str:
        return self.prefix + checked_key(key)

    def _read_into(self, key: str, sink: IO[bytes], max_bytes: int | None = None) -> Any:
        """Write an object's bytes to a file, and return what the store said with them."""
        from botocore.exceptions import IncompleteReadError, ReadTimeoutError, ResponseStreamingError

        with self._asking(key) as client:
            for attempt in range(1, N_BODY_ATTEMPTS + 1):
                sink.seek(0)
                sink.truncate()
                answer = client.get_object(Bucket=self.bucket, Key=self._full(key))
                try:
                    with closing(answer["Body"]) as body:
                        if max_bytes is not None and answer["ContentLength"] > max_bytes:
                            raise DamagedObject(self.where(key), f"it has more than the {max_bytes} bytes recorded")
                        for chunk in body.iter_chunks(CHUNK_BYTES):
                            sink.write(chunk)
                    return answer
                except (IncompleteReadError, ReadTimeoutError, ResponseStreamingError):
                    if attempt == N_BODY_ATTEMPTS:
                        raise
                    log.warning("reading %s broke off (attempt %d of %d)", self.where(key), attempt, N_BODY_ATTEMPTS)

    def _create_once(self, key: str, data: bytes) -> bool:
        with self._asking(key) as client:
            try:
                client.put_object(Bucket=self.bucket, Key=self._full(key), Body=data, IfNoneMatch="*")
            except client.exceptions.ClientError as error:
                # 409 is AWS's answer to two conditional writes at the same moment.
                if error.response["ResponseMetadata"]["HTTPStatusCode"] in (409, 412):
                    return False
                raise
        return True

    def _create_in_turn(self, key: str, data: bytes, lock_file: Path) -> bool:
        try:
            with exclusive(lock_file):
                if self.head(key) is not None:
                    return False
                self.put(key, data)
        except OSError as error:
            raise LockUnusable(self.where(key), error.strerror or str(error), str(lock_file)) from error
        return True

    def _holds(self, key: str, data: bytes) -> bool | None:
        """Return whether the object is exactly `data`, or None where there is no object."""
        info = self.head(key)
        if info is None or info.size != len(data):
            return None if info is None else False
        found = self.find(key)
        return None if found is None else found == data

    @contextmanager
    def _asking(self, key: str = "") -> Iterator[Any]:
        """Lend the client, and turn what it raises into our own types."""
        from botocore import exceptions as aws

        where = self.where(key)
        try:
            yield self._client
        except aws.ClientError as error:
            raise _meaning(error, where) from error
        except (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError) as error:
            raise CredentialsRefused(where, first_line(error)) from error
        except aws.SSLError as error:
            raise TlsFailed(where, first_line(error)) from error
        except aws.FlexibleChecksumError as error:
            raise DamagedObject(where, first_line(error)) from error
        except (aws.ConnectionError, aws.HTTPClientError, aws.IncompleteReadError) as error:
            raise StoreUnreachable(where, first_line(error)) from error
        except aws.BotoCoreError as error:
            raise StoreError(where, first_line(error)) from error


def _meaning(error: Any, where: str) -> StoreError:
    facts = error.response.get("Error", {})
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return refusal(str(facts.get("Code", "Unknown")), status, str(facts.get("Message", "")), where)
