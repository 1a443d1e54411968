"""The endpoint for notifications of a store: `python -m flows.arrival`. It starts the ingest of the project at once.

Who posts must know the secret in `FSL_ARRIVAL_SECRET`: as a bearer token (MinIO's `auth_token`), or as the HMAC-SHA256
of the body in `X-Fsl-Signature: sha256=…`. It listens on loopback unless `FSL_ARRIVAL_HOST` says otherwise; then put
TLS before it. What a notification may say is `fsl.scheduling.arrival`'s; that a drop announced ten times is
taken in once is the claims'.
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from fsl.errors import FslError
from fsl.scheduling.arrival import Arrival, NotificationRefused, parse_notification

SECRET = "FSL_ARRIVAL_SECRET"  # noqa: S105 - the name of a variable
MIN_SECRET_CHARS = 16
MAX_BODY_BYTES = 1 << 20


@dataclass(eq=False)
class NoSecret(FslError):
    """The endpoint would let anybody start runs."""

    why: str

    def __str__(self) -> str:
        return f"{SECRET} {self.why}, so the endpoint was not started. Set it: export {SECRET}=$(openssl rand -hex 32)"


def build_app(bucket: str, secret: str, start: Callable[[Arrival], str]) -> FastAPI:
    """Return the endpoint.

    Args:
        bucket: the one that is watched.
        secret: what whoever posts must know.
        start: starts the ingest for an arrival, and returns the run's name.
    """
    check_secret(secret)
    app = FastAPI(title="fsl arrival", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/arrival")
    async def arrive(request: Request) -> JSONResponse:
        from starlette.concurrency import run_in_threadpool

        body = await _read_body(request)
        if body is None:
            return _refuse(413, f"the body has more than {MAX_BODY_BYTES} bytes")
        if not is_known(request.headers, body, secret):
            return _refuse(401, f"it does not know the secret in {SECRET}")
        try:
            arrivals = parse_notification(body, bucket=bucket)
        except NotificationRefused as error:
            return _refuse(422, str(error))
        try:
            runs = [await run_in_threadpool(start, arrival) for arrival in _one_for_each_project(arrivals)]
        except Exception as error:  # whatever it is, the store shall send it again
            return _refuse(503, f"no run could be started: {error}")
        return JSONResponse({"started": runs, "files": [arrival.key for arrival in arrivals]}, status_code=202)

    return app


def check_secret(secret: str) -> None:
    """Raise NoSecret unless it is worth the name."""
    if not secret:
        raise NoSecret("is not set")
    if len(secret) < MIN_SECRET_CHARS:
        raise NoSecret(f"has {len(secret)} characters, and {MIN_SECRET_CHARS} are the least")


def is_known(headers: Any, body: bytes, secret: str) -> bool:
    """Return whether a request proves that it knows the secret. A wrong proof takes as long as a right one."""
    signature = headers.get("x-fsl-signature", "")
    if signature:
        expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(signature.encode(), expected.encode())
    token = headers.get("authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(token.encode(), secret.encode())


def start_ingest(arrival: Arrival) -> str:
    """Start the ingest of a project on the Prefect server, and return the run's name."""
    from prefect.deployments import run_deployment

    run = run_deployment("ingest/ingest", parameters={"project": arrival.project}, timeout=0, as_subflow=False)
    return str(run.name)


def _one_for_each_project(arrivals: tuple[Arrival, ...]) -> list[Arrival]:
    # A run takes in the whole inbox.
    return list({arrival.project: arrival for arrival in arrivals}.values())


async def _read_body(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return body


def _refuse(status: int, words: str) -> JSONResponse:
    return JSONResponse({"error": words}, status_code=status)


def main() -> None:
    """Serve until stopped."""
    import sys

    import uvicorn

    from fsl.config.file import default_config

    try:
        app = build_app(default_config("any").store.bucket, os.environ.get(SECRET, ""), start_ingest)
    except NoSecret as error:
        sys.exit(str(error))
    host, port = os.environ.get("FSL_ARRIVAL_HOST", "127.0.0.1"), int(os.environ.get("FSL_ARRIVAL_PORT", "4210"))
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()
