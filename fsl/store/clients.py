"""Clients of S3: how one is opened, and that a process opens one for each store and set of keys, not one for each use.

What is asked of them, and what their answers mean, is `fsl.store.objects`.
"""

import os
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from fsl.config import StoreConfig
from fsl.store.errors import CredentialsRefused, NoEndpoint

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 60  # SeaweedFS lets contended create-only writes wait for up to 9 s
N_ATTEMPTS = 4  # boto's "standard" mode: exponential, with jitter, and only for what may pass
N_CONNECTIONS = 32
MAX_AGE_SECONDS = 600  # keys that were changed in a file are heeded after this long
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Credentials:
    """Keys to a store. The secret shows in no `repr` and no log."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def lend_client(config: StoreConfig, credentials: Credentials | None, *, give_up_seconds: float | None = None) -> Any:
    """Return a client for a store, the same one for the same keys. It is safe between threads; nobody closes it.

    Opening one takes a tenth of a second of boto's time, and each keeps connections open at the store.

    Args:
        give_up_seconds: a request that is not answered within them fails, and is not tried again. None: one waits for
            as long as a store may take, and tries again.

    Raises:
        CredentialsRefused: the AWS files cannot be read.
        NoEndpoint: the endpoint is no address.
    """
    # A fork must not share its parent's sockets, and AWS's variables decide whose keys these are.
    asked = tuple(sorted((key, value) for key, value in os.environ.items() if key.startswith("AWS_") or key == "HOME"))
    age = int(time.monotonic() / MAX_AGE_SECONDS)
    return _lend(
        config.endpoint_url or "", config.region, config.bucket, credentials, asked, os.getpid(), age, give_up_seconds
    )


@lru_cache(maxsize=8)
def _lend(
    endpoint_url: str,
    region: str,
    bucket: str,
    credentials: Credentials | None,
    asked: tuple[tuple[str, str], ...],
    pid: int,
    age: int,
    give_up_seconds: float | None,
) -> Any:
    return _open_client(endpoint_url, region, f"bucket {bucket}", credentials, give_up_seconds)


def _open_client(
    endpoint_url: str, region: str, where: str, credentials: Credentials | None, give_up_seconds: float | None
) -> Any:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    host = urlsplit(endpoint_url).hostname or ""
    options = Config(
        region_name=region,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=give_up_seconds or READ_TIMEOUT_SECONDS,
        max_pool_connections=N_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": 1 if give_up_seconds else N_ATTEMPTS},
        s3={"addressing_style": "auto" if host.endswith(".amazonaws.com") else "path"},
        # A proxy named in the environment cannot reach this machine's own loopback.
        proxies={} if host in _LOOPBACK else None,
    )
    keys = {}
    if credentials is not None:
        keys = {
            "aws_access_key_id": credentials.access_key,
            "aws_secret_access_key": credentials.secret_key,
            "aws_session_token": credentials.session_token,
        }
    try:
        return _open_session(where, credentials).client("s3", endpoint_url=endpoint_url, config=options, **keys)
    except BotoCoreError as error:  # such as a file of profiles that cannot be read
        raise CredentialsRefused(where, first_line(error)) from error
    except ValueError as error:
        raise NoEndpoint(where, first_line(error)) from error


def _open_session(where: str, credentials: Credentials | None) -> Any:
    """Return a session of our own: boto's default one is shared and not safe between threads."""
    import boto3.session
    import botocore.session
    from botocore.exceptions import ProfileNotFound

    try:
        return boto3.session.Session()
    except ProfileNotFound as error:
        if credentials is None:
            raise CredentialsRefused(where, first_line(error)) from error
        # AWS_PROFILE is somebody's for another store; with keys at hand nothing of it is wanted.
        without_profile = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
        return boto3.session.Session(botocore_session=without_profile)


def first_line(error: Exception) -> str:
    """Return an error's text as one line."""
    return " ".join(str(error).split())[:200].rstrip(".")
