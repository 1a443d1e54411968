import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from wsgiref.types import WSGIApplication

import pytest

from fsl.config import StoreConfig
from fsl.store import errors
from fsl.store.clients import Credentials
from fsl.store.embedded.server import Endpoint
from fsl.store.objects import ObjectStore

from .conftest import Serve


@pytest.mark.conformance
def test_what_was_put_is_got_and_found(store: ObjectStore) -> None:
    store.put("a/b.txt", b"one")
    store.put("a/b.txt", b"two")

    assert store.get("a/b.txt") == store.find("a/b.txt") == b"two"


def test_a_missing_object_is_none_to_find_and_an_error_to_get(store: ObjectStore) -> None:
    assert store.find("nothing") is None
    assert store.head("nothing") is None
    with pytest.raises(errors.ObjectMissing, match=r"there is no object .*nothing"):
        store.get("nothing")


@pytest.mark.conformance
def test_keys_in_any_language_pass_through(store: ObjectStore) -> None:
    key = "inbox/客服 数据+100%#?&=é.jsonl"
    store.put(key, "你好".encode())

    assert store.get(key).decode() == "你好"
    assert [info.key for info in store.list("inbox/")] == [key]


@pytest.mark.conformance
def test_create_writes_once_and_never_over(store: ObjectStore) -> None:
    assert store.create("once", b"first")
    assert not store.create("once", b"second")
    assert not store.create("once", b"other")  # as long as the first, so only its bytes can tell
    assert store.get("once") == b"first"


@pytest.mark.conformance
def test_create_of_the_very_same_bytes_says_yes(store: ObjectStore) -> None:
    assert store.create("once", b"same")
    assert store.create("once", b"same")


@pytest.mark.conformance
def test_of_sixteen_creators_at_once_one_wins(store: ObjectStore) -> None:
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda racer: store.create("race", b"%02d" % racer), range(16)))

    assert won.count(True) == 1
    assert store.get("race") == b"%02d" % won.index(True)


@pytest.mark.conformance
def test_a_listing_holds_keys_and_sizes_from_behind_a_key_on(store: ObjectStore) -> None:
    for key in ("log/1.json", "log/2.json", "log/3.json", "logbook/1.json"):
        store.put(key, b"x" * int(key[-6]))

    assert [(info.key, info.size) for info in store.list("log/")] == [
        ("log/1.json", 1),
        ("log/2.json", 2),
        ("log/3.json", 3),
    ]
    assert [info.key for info in store.list("log/", after="log/1.json")] == ["log/2.json", "log/3.json"]
    assert {info.key for info in store.list()} == {"log/1.json", "log/2.json", "log/3.json", "logbook/1.json"}


def test_a_deeper_store_sees_only_its_own(store: ObjectStore) -> None:
    inner = store.within("inner")
    inner.put("a", b"1")
    store.put("a", b"2")

    assert [info.key for info in inner.list()] == ["a"]
    assert store.get("inner/a") == b"1"


@pytest.mark.parametrize("key", ["../a", "/a", "a/../../b"])
def test_a_key_that_climbs_reaches_no_store(store: ObjectStore, key: str) -> None:
    for action in (
        store.get,
        store.delete,
        store.head,
        store.within,
        lambda k: store.put(k, b""),
        lambda k: [*store.list(k)],
    ):
        with pytest.raises(errors.BadName):
            action(key)


@pytest.mark.conformance
def test_deleting_twice_is_harmless(store: ObjectStore) -> None:
    store.put("a", b"1")
    store.delete("a")
    store.delete("a")

    assert store.find("a") is None


@pytest.mark.conformance
def test_a_large_file_goes_up_in_parts_and_comes_back_whole(store: ObjectStore, tmp_path: Path) -> None:
    data = bytes(range(256)) * (36 << 10)  # 9 MB: boto sends more than 8 MB in parts
    (tmp_path / "up").write_bytes(data)
    store.upload("large", tmp_path / "up")
    store.download("large", tmp_path / "new folder" / "down")

    assert (tmp_path / "new folder" / "down").read_bytes() == data
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["down"]


def test_a_failed_download_leaves_the_old_file_and_nothing_else(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    store.put("big", b"123456")
    with pytest.raises(errors.ObjectMissing):
        store.download("nothing", tmp_path / "file")
    with pytest.raises(errors.DamagedObject, match="more than the 5 bytes"):
        store.download("big", tmp_path / "file", max_bytes=5)

    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_a_body_that_breaks_off_is_read_again(serve: Serve, cut_off: Callable[[int], WSGIApplication]) -> None:
    with serve(cut_off(2)) as store:
        assert store.get("a") == b"0123456789"


def test_a_body_that_always_breaks_off_is_an_error_worth_another_try(
    serve: Serve, cut_off: Callable[[int], WSGIApplication], tmp_path: Path
) -> None:
    with serve(cut_off(99)) as store, pytest.raises(errors.StoreUnreachable) as caught:
        store.download("a", tmp_path / "a")

    assert caught.value.retryable
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("checks_keys")
def test_a_wrong_secret_is_refused_and_not_shown(s3: Endpoint, store_config: StoreConfig) -> None:
    wrong = Credentials(s3.credentials.access_key, "a-secret-of-no-use")
    store = ObjectStore.connect(store_config, credentials=wrong)

    with pytest.raises(errors.CredentialsRefused, match="AWS_SECRET_ACCESS_KEY") as caught:
        store.get("a")
    assert not caught.value.retryable
    assert "a-secret-of-no-use" not in f"{caught.value!r} {caught.value} {store!r} {wrong!r}"


@pytest.mark.usefixtures("checks_keys")
def test_an_unknown_key_is_refused(store_config: StoreConfig) -> None:
    store = ObjectStore.connect(store_config, credentials=Credentials("nobody", "nothing"))

    with pytest.raises(errors.CredentialsRefused, match="does not take the credentials"):
        store.ensure_bucket()


def test_no_credentials_at_all_is_a_sentence(
    store_config: StoreConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    with pytest.raises(errors.CredentialsRefused, match="AWS_ACCESS_KEY_ID"):
        ObjectStore.connect(store_config).get("a")


def test_a_profile_that_does_not_exist_is_no_matter_to_who_has_keys(
    s3: Endpoint, store_config: StoreConfig, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a", b"1")
    monkeypatch.setenv("AWS_PROFILE", "gone")

    again = ObjectStore.connect(store_config, prefix=store.prefix, credentials=s3.credentials)

    assert again.get("a") == b"1"


def test_a_profile_that_does_not_exist_is_a_sentence_to_who_has_none(
    store_config: StoreConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")

    with pytest.raises(errors.CredentialsRefused, match=r"config profile \(gone\) could not be found\. Set AWS_ACCESS"):
        ObjectStore.connect(store_config)


def test_a_bucket_that_is_not_there_is_named(s3: Endpoint, store_config: StoreConfig) -> None:
    config = store_config.model_copy(update={"bucket": "no-such-bucket"})
    store = ObjectStore.connect(config, credentials=s3.credentials)

    for action in (store.get, lambda key: store.put(key, b""), lambda _: [*store.list()]):
        with pytest.raises(errors.NoSuchBucket, match=r"no-such-bucket.*`store\.bucket`"):
            action("a")


def test_making_a_bucket_that_is_there_is_harmless(bucket_store: ObjectStore) -> None:
    bucket_store.ensure_bucket()


def test_an_unreachable_store_is_worth_another_try() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, and nobody else can take it
        config = StoreConfig(endpoint_url=f"http://127.0.0.1:{held.getsockname()[1]}")
        with pytest.raises(errors.StoreUnreachable, match="cannot be reached") as caught:
            ObjectStore.connect(config, credentials=Credentials("key", "secret")).get("a")

    assert caught.value.retryable


def test_https_to_a_plain_server_is_a_matter_of_tls(s3: Endpoint) -> None:
    config = StoreConfig(endpoint_url=s3.url.replace("http://", "https://"))

    with pytest.raises(errors.TlsFailed, match="http/https"):
        ObjectStore.connect(config, credentials=s3.credentials).get("a")


@pytest.mark.parametrize("url", ["not a url", "ftp:/x"])
def test_an_endpoint_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(errors.NoEndpoint, match="endpoint_url"):
        ObjectStore.connect(StoreConfig(endpoint_url=url), credentials=Credentials("key", "secret"))


def test_no_endpoint_never_means_a_public_cloud() -> None:
    with pytest.raises(errors.NoEndpoint, match="embedded server"):
        ObjectStore.connect(StoreConfig(endpoint_url=None))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("403 Forbidden", "AccessDenied", errors.AccessRefused),
        ("400 Bad Request", "ExpiredToken", errors.CredentialsRefused),
        ("403 Forbidden", "RequestTimeTooSkewed", errors.ClockSkewed),
        ("507 Full", "XMinioStorageFull", errors.StoreFull),
    ],
)
def test_each_refusal_has_its_own_type(
    serve: Serve,
    refusing: Callable[[str, str], WSGIApplication],
    status: str,
    code: str,
    kind: type[errors.StoreError],
) -> None:
    with serve(refusing(status, code)) as store, pytest.raises(kind, match="the store's words") as caught:
        store.put("a", b"1")

    assert type(caught.value) is kind
    assert not caught.value.retryable


def test_a_web_page_where_a_store_should_be_is_a_sentence(serve: Serve) -> None:
    def page(environ: object, start: Callable[..., object]) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/html")])
        return [b"<html>It works!"]

    with serve(page) as store, pytest.raises(errors.StoreError):
        list(store.list())
