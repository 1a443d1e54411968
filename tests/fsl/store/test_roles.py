"""The four roles at an embedded server of their own, each with its own credentials, doing what the product does."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from fsl.config import RunConfig, StoreConfig
from fsl.data.history import read_history
from fsl.data.intake import ingest_object
from fsl.data.snapshots import take_snapshot
from fsl.project import open_project, push_config
from fsl.store import layout
from fsl.store.aliases import Move, current_move, move_alias, rollback
from fsl.store.clients import Credentials
from fsl.store.embedded.files import prepare_folder
from fsl.store.embedded.roles import grant_role
from fsl.store.embedded.server import EmbeddedServer
from fsl.store.errors import AccessRefused, BadName
from fsl.store.layout_file import open_layout
from fsl.store.marks import Mark, ruling_key, write_mark
from fsl.store.objects import ObjectStore
from fsl.store.registry import Registry, fetch_version, publish_version
from fsl.store.roles import ROLES, NoSuchRole, Role, as_json, build_policy, find_role

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BUCKET, PROJECT = "shared", "tickets"
GUEST = Credentials("guest", "guest-secret-that-is-long-enough")
POLICIES = Path(__file__).parents[3] / "deploy" / "policies"
DROP = "".join(f'{{"text": "{label} {n}", "label": "{label}"}}\n' for label in ("refund", "退款") for n in range(5))
MARK = Mark("20260301T120000-0123456789ab", NOW, ())
FIRST_MOVE = layout.move("champion", 1)


def registry_of(store: ObjectStore) -> Registry:
    """Return the project's registry, as a role sees it."""
    return Registry(store, open_layout(store, PROJECT).registry)


@dataclass(frozen=True)
class Team:
    """One project, as its owner, the roles and a guest without any right see it."""

    whole: ObjectStore  # the bucket, in its owner's hand
    config: RunConfig
    credentials: dict[str, Credentials]
    stores: dict[str, ObjectStore]  # the bucket, in the hand of a role, of the guest or of the owner

    def store_of(self, who: str, project: str = PROJECT) -> ObjectStore:
        return self.stores[who].within(f"{project}/")

    def contents(self) -> dict[str, str]:
        return {info.key: info.etag for info in self.whole.list()}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """A server that knows the roles, with a project that has a drop, two versions and two moves."""
    server = EmbeddedServer(tmp_path_factory.mktemp("roles"))
    prepare_folder(server.folder)
    credentials = {role.name: grant_role(server.folder, role, BUCKET, PROJECT) for role in ROLES} | {"guest": GUEST}
    _add_guest(server.folder / "s3.json")
    try:
        endpoint = server.start()
        config = RunConfig(project=PROJECT, store=StoreConfig(endpoint_url=endpoint.url, bucket=BUCKET))
        whole = ObjectStore.connect(config.store, credentials=endpoint.credentials)
        whole.ensure_bucket()
        stores = {who: ObjectStore.connect(config.store, credentials=keys) for who, keys in credentials.items()}
        team = Team(whole, config, credentials, stores | {"owner": whole})
        owner = whole.within(f"{PROJECT}/")
        push_config(config, owner)
        owner.put(layout.inbox("of-another.jsonl"), b"{}")
        owner.put(layout.predictions(NOW, "earlier"), b"PAR1")
        whole.put("another-project/models/blobs/0", b"not theirs")
        publish(owner, "v1", tmp_path_factory.mktemp("v1"))
        publish(owner, "v2", tmp_path_factory.mktemp("v2"))
        promote(owner, "v2", seen=promote(owner, "v1", seen=None))
        yield team
    finally:
        server.stop()


def _add_guest(identities: Path) -> None:
    document = json.loads(identities.read_text())
    keys = {"accessKey": GUEST.access_key, "secretKey": GUEST.secret_key}
    document["identities"].append({"name": "guest", "credentials": [keys]})
    identities.write_text(json.dumps(document))


def publish(store: ObjectStore, version: str, folder: Path, contents: bytes = b"weights") -> None:
    (folder / "head.onnx").write_bytes(contents)
    publish_version(registry_of(store), version, folder, facts={"of": version}, now=NOW)


def promote(store: ObjectStore, to: str, *, seen: Move | None, alias: str = "champion") -> Move:
    return move_alias(registry_of(store), alias, to=to, seen=seen, verdict="promote", who="ana", why="better", now=NOW)


def roll_back(store: ObjectStore) -> None:
    rollback(registry_of(store), "champion", who="ana", why="worse", now=NOW)


def test_each_role_does_its_part_from_a_drop_to_a_logged_answer(team: Team, tmp_path: Path) -> None:
    dropper, trainer, promoter, server = (team.store_of(role.name) for role in ROLES)
    drop = layout.inbox("messages.jsonl")

    assert dropper.create(drop, DROP.encode())
    assert drop in {info.key for info in dropper.list(layout.INBOX)}

    batch = ingest_object(trainer, team.config, drop, now=NOW)
    take_snapshot(trainer, team.config)
    trainer.put(layout.step("key", "scores.json"), b"{}")
    trainer.put(layout.run_page("key"), b"<html>")
    trainer.create(layout.verdict(None, 1), b"{}")
    trainer.create(layout.drift("window", "decision.json"), b"{}")
    write_mark(team.store_of("owner"), [layout.manifest("v1")], NOW)  # a cleaning is under way
    publish(trainer, "v1", tmp_path)  # was published before, and is spared
    publish(trainer, "v3", tmp_path, b"w" * 9_000_000)  # goes up in parts
    promote(trainer, "v3", seen=None, alias="challenger")
    assert batch.rows.n == 10
    assert read_history(trainer) == (batch,)

    push_config(team.config, promoter)  # as every command does; it changes nothing
    move = promote(promoter, "v3", seen=current_move(registry_of(promoter), "champion"))
    roll_back(promoter)
    promote(promoter, "v3", seen=current_move(registry_of(promoter), "champion"))

    serving = current_move(registry_of(server), "champion")
    assert serving is not None
    assert (serving.version, serving.seq) == ("v3", move.seq + 2)
    folder = fetch_version(registry_of(server), serving.version, tmp_path / "cache")
    assert (folder / "head.onnx").stat().st_size == 9_000_000
    server.put(layout.predictions(NOW, "now"), b"PAR1")


def copy_a_drop_into_what_was_served(store: ObjectStore) -> None:
    with store._asking("a copy") as client:
        source = f"{BUCKET}/{PROJECT}/{layout.inbox('of-another.jsonl')}"
        client.copy_object(Bucket=BUCKET, Key=f"{PROJECT}/{layout.predictions(NOW, 'copy')}", CopySource=source)


@pytest.mark.parametrize("who", ["trainer", "promoter", "server"])
def test_a_worker_of_a_role_opens_the_project_by_its_name(
    team: Team, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", team.credentials[who].access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", team.credentials[who].secret_key)

    assert open_project(PROJECT, team.config.store).config == team.config


REFUSED: dict[str, tuple[str, Callable[[ObjectStore], object]]] = {
    "a dropper reads a version": ("dropper", lambda store: store.get(layout.manifest("v1"))),
    "a dropper reads the drop of another": ("dropper", lambda store: store.get(layout.inbox("of-another.jsonl"))),
    "a dropper deletes the drop of another": ("dropper", lambda store: store.delete(layout.inbox("of-another.jsonl"))),
    "a dropper drops over the drop of another": (
        "dropper",
        lambda store: store.create(layout.inbox("of-another.jsonl"), b"other bytes"),
    ),
    "a dropper lists the versions": ("dropper", lambda store: list(store.list(layout.VERSIONS))),
    "a dropper lists everything": ("dropper", lambda store: list(store.list())),
    "a dropper writes beside the inbox": ("dropper", lambda store: store.create("inbox.jsonl", b"{}")),
    "a trainer promotes": (
        "trainer",
        lambda store: promote(store, "v1", seen=current_move(registry_of(store), "champion")),
    ),
    "a trainer rolls back": ("trainer", roll_back),
    "a trainer removes a move": ("trainer", lambda store: store.delete(FIRST_MOVE)),
    "a trainer removes a version": ("trainer", lambda store: store.delete(layout.manifest("v1"))),
    "a trainer removes a drop": ("trainer", lambda store: store.delete(layout.inbox("of-another.jsonl"))),
    "a trainer says what a cleaning shall remove": ("trainer", lambda store: store.create(layout.mark("m"), b"{}")),
    "a promoter says what a cleaning shall remove": (
        "promoter",
        lambda store: store.create(layout.mark("a" * 40), b"{}"),
    ),
    "a trainer changes the config": ("trainer", lambda store: store.put(layout.CONFIG, b"project: mine")),
    "a trainer writes what was served": ("trainer", lambda store: store.put(layout.predictions(NOW, "mine"), b"")),
    "a promoter publishes": ("promoter", lambda store: store.create(layout.manifest("v9"), b"{}")),
    "a promoter replaces a file": ("promoter", lambda store: store.put(layout.blob("0" * 64), b"other")),
    "a promoter removes a move": ("promoter", lambda store: store.delete(FIRST_MOVE)),
    "a promoter removes a drop": ("promoter", lambda store: store.delete(layout.inbox("of-another.jsonl"))),
    "a server promotes": (
        "server",
        lambda store: promote(store, "v1", seen=current_move(registry_of(store), "champion")),
    ),
    "a server publishes": ("server", lambda store: store.create(layout.manifest("v9"), b"{}")),
    "a server drops": ("server", lambda store: store.create(layout.inbox("mine.jsonl"), b"{}")),
    "a server reads a drop": ("server", lambda store: store.get(layout.inbox("of-another.jsonl"))),
    "a server copies what it may not read": ("server", copy_a_drop_into_what_was_served),
    "a server lists the batches": ("server", lambda store: list(store.list(layout.COMMITS))),
    "a server removes what was served": ("server", lambda store: store.delete(layout.predictions(NOW, "earlier"))),
    "a server changes the config": ("server", lambda store: store.put(layout.CONFIG, b"project: mine")),
    "a guest reads a version": ("guest", lambda store: store.get(layout.manifest("v1"))),
}


@pytest.mark.parametrize(("who", "act"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_a_roles_part_is_refused_and_changes_nothing(
    team: Team, who: str, act: Callable[[ObjectStore], object]
) -> None:
    before = team.contents()

    with pytest.raises(AccessRefused, match=r"these credentials may not use http.*Ask the bucket's owner"):
        act(team.store_of(who))

    assert team.contents() == before


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_role_reads_lists_or_writes_another_project(team: Team, role: Role) -> None:
    elsewhere = team.store_of(role.name, "another-project")
    before = team.contents()

    for act in (
        lambda: elsewhere.get("models/blobs/0"),
        lambda: list(elsewhere.list("models/")),
        lambda: elsewhere.put(layout.inbox("mine.jsonl"), b"{}"),
        lambda: elsewhere.put(layout.predictions(NOW, "mine"), b""),
    ):
        with pytest.raises(AccessRefused):
            act()
    assert team.contents() == before


def test_seaweedfs_4_48_cannot_keep_a_role_from_writing_over_what_it_may_make(team: Team) -> None:
    """docs/roles.md says so. When this fails, SeaweedFS has learnt it: let its policy say so too."""
    key = layout.inbox("written-over.jsonl")
    team.store_of("dropper").create(key, b"first")

    team.store_of("dropper").put(key, b"second")

    assert team.whole.get(f"{PROJECT}/{key}") == b"second"


def test_the_embedded_server_obeys_the_bucket_policy_too(team: Team) -> None:
    policy = build_policy(
        find_role("server"), BUCKET, PROJECT, principal="arn:aws:iam::000000000000:user/guest", knows_create_only=False
    )
    guest = team.store_of("guest")
    client = team.whole._client

    client.put_bucket_policy(Bucket=BUCKET, Policy=as_json(policy))
    try:
        assert _in_time(lambda: guest.get(layout.manifest("v1")))
        with pytest.raises(AccessRefused):
            guest.put(layout.blob("0" * 64), b"other")
    finally:
        client.delete_bucket_policy(Bucket=BUCKET)


def _in_time(act: Callable[[], bytes]) -> bytes:
    for _ in range(100):  # the server takes a moment to heed a new policy
        try:
            return act()
        except AccessRefused:
            time.sleep(0.1)
    return act()


# What follows needs no server.


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_written_policies_are_those_of_the_library(role: Role) -> None:
    written = (POLICIES / f"{role.name}.json").read_text(encoding="utf-8")

    assert written == as_json(build_policy(role, "your-bucket", "your-project"))


def test_the_written_bucket_policy_gives_each_role_to_its_principal() -> None:
    written = json.loads((POLICIES / "bucket-policy.json").read_text(encoding="utf-8"))

    statements = [
        statement
        for role in ROLES
        for statement in build_policy(
            role, "your-bucket", "your-project", principal=f"arn:aws:iam::111122223333:role/your-{role.name}"
        )["Statement"]
    ]
    assert written["Statement"] == statements
    assert len({statement["Sid"] for statement in statements}) == len(statements)  # as AWS demands


def may_write(role: str, key: str) -> bool:
    patterns = (*find_role(role).writes, *find_role(role).creates)
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def test_a_trainer_may_write_every_key_that_a_run_makes_and_no_other() -> None:
    digest = "0" * 64
    made = [
        layout.commit(1),
        layout.rows(digest),
        layout.validation_page(digest),
        layout.pool(digest),
        layout.quarantine(digest),
        layout.snapshot(digest),
        layout.verdict("v1", 1),
        layout.verdict(None, 1),
        layout.step("key", "plan.json"),
        layout.blob(digest),
        layout.manifest("v1"),
        layout.drift("window", "report.html"),
        layout.run_page("key"),
        layout.run_record("key"),
        layout.seen(digest[:32]),
        layout.request("v1"),
        ruling_key(MARK, layout.blob(digest)),
    ]
    others = [
        layout.approval("v1"),
        layout.tombstone(1),
        layout.LAYOUT,
        layout.CONFIG,
        layout.inbox("a"),
        FIRST_MOVE,
        layout.predictions(NOW, "a"),
    ]
    others += [layout.mark(MARK.name), layout.mark(f"{'a' * 40}")]

    assert [key for key in made if not may_write("trainer", key)] == []
    assert [key for key in others if may_write("trainer", key)] == []


def test_where_the_store_can_tell_what_is_made_once_is_never_written_over() -> None:
    promoter = build_policy(find_role("promoter"), BUCKET, PROJECT)
    denied = [statement for statement in promoter["Statement"] if statement["Effect"] == "Deny"]

    made_once = [f"arn:aws:s3:::shared/tickets/{pattern}" for pattern in find_role("promoter").creates]
    assert [statement["Resource"] for statement in denied] == [made_once]
    assert made_once[0] == "arn:aws:s3:::shared/tickets/models/aliases/*"
    assert denied[0]["Condition"]["Null"] == {"s3:if-none-match": "true"}


@pytest.mark.parametrize("bucket", ["*", "a*b", "fsl/*", "", "A-Bucket", "b\n"])
def test_a_name_that_would_widen_a_policy_is_no_bucket(bucket: str) -> None:
    with pytest.raises(BadName, match="cannot be a bucket"):
        build_policy(find_role("server"), bucket, PROJECT)


def test_an_unknown_role_names_those_there_are() -> None:
    with pytest.raises(NoSuchRole, match="dropper, trainer, promoter, server"):
        find_role("admin")
