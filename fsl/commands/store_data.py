"""`fsl store migrate`, `backup` and `restore`: a project's data as a whole.

None of them opens the project: it may be of an older layout, or not there yet.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import RenderableType

from fsl import console
from fsl.config import RunConfig, StoreConfig
from fsl.config.file import parse_config
from fsl.console import Reply, line, show
from fsl.errors import ConfigError
from fsl.pages.words import n_of
from fsl.project import cache_folder, connect
from fsl.store import layout, migration
from fsl.store.backups.backup import Backup, back_up
from fsl.store.backups.order import PARTS
from fsl.store.backups.places import BucketPlace, FolderPlace, Place
from fsl.store.backups.restore import restore as restore_backup
from fsl.store.objects import ObjectStore
from fsl.store.probe import ensure_safe
from fsl.store.transfer_errors import NoSuchPart, NotAPlace
from fsl.workspace import find_workspace, using_profile

PLACE = typer.Argument(metavar="PLACE", help="A folder, or s3://BUCKET/PREFIX.")
ENDPOINT = typer.Option(help="Where s3:// is; default: the project's own store.")
PROFILE = typer.Option(help="AWS profile that opens s3://; default: what opens the project's store.")


def migrate(as_json: Annotated[bool, console.AS_JSON] = False) -> None:
    """Bring what an older fsl wrote to today's layout. Stop the workers that still run the older one before."""
    with _open_unread() as (config, store):
        done = migration.migrate(store)
    words = done or (f"{config.project} has today's layout ({layout.LAYOUT_VERSION}) already; nothing was changed",)
    facts = {"project": config.project, "layout": layout.LAYOUT_VERSION, "done": list(done)}
    show(Reply(facts, [line(text) for text in words], ["fsl models verify"]), as_json=as_json)


def backup(
    place: Annotated[str, PLACE],
    without: Annotated[list[str] | None, typer.Option(help=f"A part to leave out: {' or '.join(PARTS)}.")] = None,
    endpoint_url: Annotated[str | None, ENDPOINT] = None,
    profile: Annotated[str | None, PROFILE] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Copy the whole project to a folder or bucket, while work goes on. Again: only what is new is sent."""
    unknown = next((part for part in without or () if part not in PARTS), None)
    if unknown is not None:
        raise NoSuchPart(unknown, tuple(PARTS))
    with _open_unread() as (config, store):
        there = _open_place(place, config.store, endpoint_url, profile)
        done = back_up(store, there, config.project, now=datetime.now(UTC), without=without or ())
    following = [f"fsl store restore {place}  # into an empty bucket"]
    show(Reply(asdict(done) | {"place": there.where()}, _describe(done, there), following), as_json=as_json)
    if done.damaged:
        raise typer.Exit(1)


def restore(
    place: Annotated[str, PLACE],
    at: Annotated[str | None, typer.Option(help="How the backup's name begins, as 20261123; default: newest.")] = None,
    endpoint_url: Annotated[str | None, ENDPOINT] = None,
    profile: Annotated[str | None, PROFILE] = None,
    as_json: Annotated[bool, console.AS_JSON] = False,
) -> None:
    """Put a backup back into the store that this folder's fsl.yaml names, where nothing of the project may lie yet."""
    with _open_unread() as (config, store):
        there = _open_place(place, config.store, endpoint_url, profile)
        store.ensure_bucket()
        ensure_safe(store, config.store, cache=cache_folder())
        done = restore_backup(store, there, config.project, at=at)
        same_config = _is_config(store, config)
    megabytes = f"{done.n_bytes_sent / 1e6:.1f} MB"
    shown = [line(f"{config.project} is back as it was at {done.index.when:%Y-%m-%d %H:%M:%S} UTC, in {store.where()}")]
    shown.append(line(f"{n_of(done.n_sent, 'object')} sent ({megabytes}), {done.n_there} there already"))
    if done.index.without:
        shown.append(line(f"the backup was made without: {', '.join(done.index.without)}"))
    if not same_config:
        entry = done.index.find(layout.CONFIG)
        kept = there.where(f"objects/{entry.sha256}") if entry else "nowhere"
        shown.append(
            line(
                "its config differs from this folder's fsl.yaml, which the next command here puts in its place; the "
                f"backup keeps the other as {kept}"
            )
        )
    facts = {
        "project": config.project,
        "backup": done.name,
        "when": done.index.when.isoformat(),
        "objects_sent": done.n_sent,
        "bytes_sent": done.n_bytes_sent,
        "objects_there": done.n_there,
        "without": list(done.index.without),
        "same_config": same_config,
    }
    show(Reply(facts, shown, ["fsl models verify", "fsl models ls"]), as_json=as_json)


@contextmanager
def _open_unread() -> Iterator[tuple[RunConfig, ObjectStore]]:
    """Give the config and the project's part of the store, of which nothing was read."""
    workspace = find_workspace(Path.cwd())
    with workspace.open_store() as store_config:
        config = workspace.config.model_copy(update={"store": store_config})
        yield config, connect(store_config, config.project)


def _open_place(place: str, store: StoreConfig, endpoint_url: str | None, profile: str | None) -> Place:
    if not place.startswith("s3:"):
        return FolderPlace(Path(place))
    url = urlsplit(place)
    prefix = url.path.strip("/")
    if url.scheme != "s3" or not url.netloc or not prefix or url.query or url.fragment:
        raise NotAPlace(place)
    named = store.model_copy(update={"endpoint_url": endpoint_url or store.endpoint_url, "bucket": url.netloc})
    with using_profile(profile):
        return BucketPlace(ObjectStore.connect(named, prefix=prefix))


def _describe(done: Backup, place: Place) -> list[RenderableType]:
    size, new = f"{done.n_bytes / 1e6:.1f} MB", f"{done.n_new_bytes / 1e6:.1f} MB"
    objects = n_of(done.n_objects, "object")
    words = [f"backed up {objects} ({size}) to {place.where()}; new to it: {done.n_new} ({new})"]
    words.append(f"this backup is {done.name}")
    if done.n_vanished:
        words.append(f"not in it, since it was cleaned away meanwhile: {n_of(done.n_vanished, 'object')}")
    words += [f"{key!r} is not in it: the product makes no such key, and could not restore it" for key in done.left_out]
    words += [f"damaged in the project itself, and backed up as it is: {fault}" for fault in done.damaged]
    return [line(text) for text in words]


def _is_config(store: ObjectStore, config: RunConfig) -> bool:
    data = store.find(layout.CONFIG)
    try:
        found = parse_config(data, where=store.where(layout.CONFIG)) if data is not None else config
    except ConfigError:
        return False
    return found.model_dump(exclude={"store"}) == config.model_dump(exclude={"store"})
