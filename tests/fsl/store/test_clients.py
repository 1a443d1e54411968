"""One client for one store and one set of keys, however often it is asked for."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fsl.config import StoreConfig
from fsl.store.clients import Credentials, lend_client

STORE = StoreConfig(endpoint_url="http://127.0.0.1:9", bucket="fsl")
KEYS = Credentials("one", "secret")


def test_the_same_store_and_keys_share_a_client() -> None:
    assert lend_client(STORE, KEYS) is lend_client(STORE, Credentials("one", "secret"))


@pytest.mark.parametrize(
    ("store", "keys"),
    [
        (STORE, Credentials("two", "secret")),
        (STORE, Credentials("one", "another")),
        (STORE, Credentials("one", "secret", "token")),
        (STORE.model_copy(update={"endpoint_url": "http://127.0.0.1:10"}), KEYS),
        (STORE.model_copy(update={"region": "eu-west-1"}), KEYS),
    ],
)
def test_another_store_or_other_keys_get_a_client_of_their_own(store: StoreConfig, keys: Credentials) -> None:
    assert lend_client(store, keys) is not lend_client(STORE, KEYS)


def test_keys_changed_in_the_environment_are_heeded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "before")
    before = lend_client(STORE, None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "after")

    assert lend_client(STORE, None) is not before


def test_threads_that_ask_at_once_all_get_a_client_that_works() -> None:
    with ThreadPoolExecutor(8) as threads:
        clients = list(threads.map(lambda n: lend_client(STORE, Credentials(f"at-once-{n % 2}", "secret")), range(32)))

    assert all(client.meta.endpoint_url == STORE.endpoint_url for client in clients)
