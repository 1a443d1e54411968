import pytest

from fsl.store import errors
from fsl.store.refusals import refusal


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SignatureDoesNotMatch", 403, errors.CredentialsRefused),
        ("403", 403, errors.AccessRefused),  # an answer to HEAD has no body, so its status is all
        ("404", 404, errors.ObjectMissing),
        ("AuthorizationHeaderMalformed", 400, errors.WrongRegion),
        ("QuotaExceeded", 403, errors.StoreFull),  # the code says more than the status
        ("SlowDown", 503, errors.StoreThrottled),
        ("Unheard", 503, errors.StoreThrottled),
        ("BadDigest", 400, errors.DamagedObject),
        ("Unheard", 500, errors.StoreFaulty),
        ("Unheard", 502, errors.StoreFaulty),
        ("Unheard", 400, errors.StoreError),
    ],
)
def test_an_answer_becomes_its_type(code: str, status: int, kind: type[errors.StoreError]) -> None:
    assert type(refusal(code, status, "", "s3/bucket/key")) is kind


def test_a_refusal_keeps_the_stores_words_in_one_short_line() -> None:
    error = refusal("Odd", 418, "line one\n\nline two. " + "x" * 500, "s3/bucket/key")

    assert str(error).startswith("the store refused s3/bucket/key: line one line two. xxx")
    assert str(error).endswith("x (Odd, HTTP 418).")
    assert len(str(error)) < 300


@pytest.mark.parametrize("kind", [errors.StoreUnreachable, errors.StoreThrottled, errors.StoreFaulty])
def test_what_may_pass_says_that_trying_again_can_help(kind: type[errors.StoreError]) -> None:
    assert kind("s3/bucket/key", "a reason").retryable
    assert not errors.AccessRefused("s3/bucket/key", "a reason").retryable
