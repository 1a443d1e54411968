"""What an S3 answer means: its code and status as one of our types. Pure tables; no client lives here.

Codes: the S3 API reference's list of error responses, and what SeaweedFS and MinIO add to it.
"""

from fsl.store.errors import (
    AccessRefused,
    ClockSkewed,
    CredentialsRefused,
    DamagedObject,
    NoSuchBucket,
    NotSupported,
    ObjectMissing,
    StoreError,
    StoreFaulty,
    StoreFull,
    StoreThrottled,
    WrongRegion,
)

_BY_CODE: dict[str, type[StoreError]] = {
    "AccessDenied": AccessRefused,
    "AllAccessDisabled": AccessRefused,
    "AccountProblem": AccessRefused,
    "InvalidAccessKeyId": CredentialsRefused,
    "SignatureDoesNotMatch": CredentialsRefused,
    "ExpiredToken": CredentialsRefused,
    "InvalidToken": CredentialsRefused,
    "TokenRefreshRequired": CredentialsRefused,
    "RequestTimeTooSkewed": ClockSkewed,
    "RequestExpired": ClockSkewed,
    "NoSuchBucket": NoSuchBucket,
    "NoSuchKey": ObjectMissing,
    "PermanentRedirect": WrongRegion,
    "AuthorizationHeaderMalformed": WrongRegion,
    "IllegalLocationConstraintException": WrongRegion,
    "SlowDown": StoreThrottled,
    "SlowDownRead": StoreThrottled,
    "SlowDownWrite": StoreThrottled,
    "ServiceUnavailable": StoreThrottled,
    "ServerBusy": StoreThrottled,
    "RequestLimitExceeded": StoreThrottled,
    "RequestTimeout": StoreThrottled,
    "TooManyRequests": StoreThrottled,
    "QuotaExceeded": StoreFull,
    "InsufficientCapacity": StoreFull,
    "InsufficientStorage": StoreFull,
    "XMinioStorageFull": StoreFull,
    "XMinioAdminBucketQuotaExceeded": StoreFull,
    "BadDigest": DamagedObject,
    "XAmzContentSHA256Mismatch": DamagedObject,
    "InternalError": StoreFaulty,
    "NotImplemented": NotSupported,
}

_BY_STATUS: dict[int, type[StoreError]] = {
    301: WrongRegion,
    403: AccessRefused,
    404: ObjectMissing,
    429: StoreThrottled,
    501: NotSupported,
    503: StoreThrottled,
    507: StoreFull,
}


def refusal(code: str, status: int, message: str, where: str) -> StoreError:
    """Return what the store's answer means; an unknown answer keeps its own words."""
    known = _BY_CODE.get(code) or _BY_STATUS.get(status) or (StoreFaulty if status >= 500 else StoreError)
    return known(where, _reason(code, status, message))


def _reason(code: str, status: int, message: str) -> str:
    # A store may echo a request, header and all; one short line of its words is enough to act on.
    words = " ".join(message.split())[:200].rstrip(".")
    return f"{words} ({code}, HTTP {status})" if words else f"{code}, HTTP {status}"
