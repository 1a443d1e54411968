"""Getting one raw file over HTTP, with a time-out and a limit on its size. What is in it is for the converters."""

import http.client
import urllib.error
import urllib.parse
import urllib.request

from bench.parts.sets.errors import SourceRefused, SourceTooLarge, SourceUnreachable

GITHUB = "https://raw.githubusercontent.com"
TIMEOUT_SECONDS = 30.0
MAX_BYTES = 16 * 2**20  # the largest raw file has less than 5 MiB


def download(base: str, repository: str, commit: str, path: str) -> bytes:
    """Return the bytes of one file of a repository, as it was at a commit.

    Args:
        base: the address that repositories lie under; http or https.

    Raises:
        SourceUnreachable: no answer, or one that broke off.
        SourceRefused: an answer with an error status.
        SourceTooLarge: more than `MAX_BYTES`.
    """
    url = f"{base.rstrip('/')}/{repository}/{commit}/{urllib.parse.quote(path)}"
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise SourceUnreachable(url, "the address does not begin with http:// or https://")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - the scheme was checked
            stated = int(response.headers.get("Content-Length") or 0)
            if stated > MAX_BYTES:
                raise SourceTooLarge(url, MAX_BYTES)
            body: bytes = response.read(MAX_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise SourceRefused(url, error.code) from error
    except urllib.error.URLError as error:
        raise SourceUnreachable(url, _plain(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceUnreachable(url, _plain(error)) from error
    if len(body) > MAX_BYTES:
        raise SourceTooLarge(url, MAX_BYTES)
    if len(body) < stated:
        # A bounded read takes a connection that broke for the end of the file.
        raise SourceUnreachable(url, f"it broke off after {len(body):,} of {stated:,} bytes")
    return body


def _plain(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return f"no answer within {TIMEOUT_SECONDS:.0f} seconds"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
