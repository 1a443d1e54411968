from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from fsl.config import StoreConfig
from fsl.store.errors import UnsafeStore
from fsl.store.objects import ObjectStore
from fsl.store.probe import ProbeResult, ensure_safe, probe_create_only

from .conftest import Serve

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_an_honest_store_passes_and_is_left_as_it_was(store: ObjectStore, store_config: StoreConfig) -> None:
    assert probe_create_only(store).honoured
    ensure_safe(store, store_config)

    assert list(store.list()) == []


def test_a_second_honest_implementation_passes(serve: Serve, moto_app: WSGIApplication) -> None:
    with serve(moto_app) as store:
        store.ensure_bucket()

        assert probe_create_only(store).honoured


def test_a_store_that_ignores_create_only_is_refused_and_nothing_is_written(
    serve: Serve, careless_app: WSGIApplication, tmp_path: Path
) -> None:
    with serve(careless_app) as store:
        store.ensure_bucket()
        with pytest.raises(UnsafeStore, match=r"(?s)nothing was written\. Three ways out.*store\.single_writer: true"):
            ensure_safe(store, StoreConfig(endpoint_url=store.endpoint_url), cache=tmp_path, now=NOW)

        assert list(store.list()) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("part_of_key", "words"),
    [("late", "a second write went over the first"), ("race", "of 4 writers at once, 4 were told that they had won")],
)
def test_a_store_that_is_careless_in_one_way_alone_is_found(
    serve: Serve, careless_with: Callable[[str], WSGIApplication], part_of_key: str, words: str
) -> None:
    with serve(careless_with(part_of_key)) as store:
        store.ensure_bucket()

        assert probe_create_only(store) == ProbeResult(False, words)


def test_a_store_that_knows_no_create_only_is_refused(serve: Serve, moto_app: WSGIApplication) -> None:
    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if "HTTP_IF_NONE_MATCH" not in environ:
            return moto_app(environ, start)
        start("501 Not Implemented", [("Content-Type", "application/xml"), ("Connection", "close")])
        return [b"<Error><Code>NotImplemented</Code><Message>no such header</Message></Error>"]

    with serve(answer) as store:
        store.ensure_bucket()
        with pytest.raises(UnsafeStore, match="no such header"):
            ensure_safe(store, StoreConfig(endpoint_url=store.endpoint_url))


def test_the_promise_of_a_single_writer_lets_a_careless_store_pass(serve: Serve, careless_app: WSGIApplication) -> None:
    with serve(careless_app) as store:
        ensure_safe(store, StoreConfig(endpoint_url=store.endpoint_url, single_writer=True))


def test_a_good_answer_holds_for_a_day(serve: Serve, moto_app: WSGIApplication, tmp_path: Path) -> None:
    requests: list[str] = []

    def counting(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        requests.append(environ["REQUEST_METHOD"])
        return moto_app(environ, start)

    with serve(counting) as store:
        config = StoreConfig(endpoint_url=store.endpoint_url)
        store.ensure_bucket()
        ensure_safe(store, config, cache=tmp_path, now=NOW)
        n_after_first = len(requests)
        ensure_safe(store, config, cache=tmp_path, now=NOW + timedelta(hours=23))
        n_within_a_day = len(requests)
        ensure_safe(store, config, cache=tmp_path, now=NOW + timedelta(hours=25))

        assert n_within_a_day == n_after_first
        assert len(requests) > n_within_a_day


def test_a_damaged_answer_is_asked_for_again(serve: Serve, careless_app: WSGIApplication, tmp_path: Path) -> None:
    with serve(careless_app) as store:
        store.ensure_bucket()
        config = StoreConfig(endpoint_url=store.endpoint_url)
        for _ in range(2):
            with pytest.raises(UnsafeStore):
                ensure_safe(store, config, cache=tmp_path, now=NOW)
            (tmp_path / "probes").mkdir(exist_ok=True)
            for path in (tmp_path / "probes").iterdir():
                path.write_text('{"honoured": tru')
