"""Trials of the registry with damaged files and with a store that only seems to keep its word.

Each trial returns what it counted. What must hold is asserted by its caller.
"""

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench.parts.network.faults import Fault, Request, faulty
from bench.parts.registry.place import Place, contents, everything, make_bundle, publish
from fsl.config import StoreConfig
from fsl.store import layout
from fsl.store.errors import DamagedObject, NewerSchema, NotTrusted, UnsafeStore
from fsl.store.probe import ensure_safe
from fsl.store.registry import Manifest, Registry, fetch_version
from fsl.store.signing import Act, Trust, TrustedKey, new_key

VERSION = "v1"
CARELESS = Fault(without="If-None-Match")


@dataclass(frozen=True)
class Flips:
    """What became of one flipped byte, at one position after the other."""

    n_in_store: int
    n_in_store_found: int  # refused on load, and nothing of it kept
    n_in_cache: int
    n_in_cache_mended: int  # loaded, byte for byte as published
    n_harmless: int  # in the manifest's envelope, and yet it says the same
    missed: tuple[str, ...]  # where a flip was not found


def flip_bytes(place: Place, folder: Path, *, n_positions: int, seed: int = 0) -> Flips:
    """Flip one byte at random positions of a signed version's files, its manifest among them, and load it each time."""
    chance = random.Random(seed)
    registry = _signed(place.open(), folder)
    bundle = make_bundle(folder / "bundle", VERSION)
    manifest = publish(registry, bundle, VERSION)
    keys = [layout.manifest(VERSION), *(layout.blob(file.sha256) for file in manifest.files)]
    trial = _Flipping(registry, manifest, contents(bundle), folder / "cache")
    for n in range(n_positions):
        trial.in_store(keys[n % len(keys)], chance)
    for n in range(n_positions):
        trial.in_cache(n, chance)
    return Flips(n_positions, trial.n_found, n_positions, trial.n_mended, trial.n_harmless, tuple(trial.missed))


@dataclass
class _Flipping:
    registry: Registry
    manifest: Manifest
    published: dict[str, bytes]
    cache: Path
    n_found: int = 0
    n_mended: int = 0
    n_harmless: int = 0

    def __post_init__(self) -> None:
        self.missed: list[str] = []

    def in_store(self, key: str, chance: random.Random) -> None:
        """Flip a byte of one object, load into an empty cache, and put the object right again."""
        whole = self.registry.store.get(key)
        at, damaged = _flip(whole, chance)
        self.registry.store.put(key, damaged)
        try:
            with tempfile.TemporaryDirectory() as empty:
                self._load_damaged(Path(empty), f"{key}, byte {at}")
        finally:
            self.registry.store.put(key, whole)

    def _load_damaged(self, cache: Path, where: str) -> None:
        try:
            found = contents(fetch_version(self.registry, VERSION, cache))
        except (DamagedObject, NotTrusted, NewerSchema):
            self.n_found += 1
            if any(data not in self.published.values() for path, data in contents(cache).items() if "blobs" in path):
                self.missed.append(f"{where}: refused, and kept")
            return
        # The last character of a base64 text holds bits that mean nothing.
        if "manifest" in where and found == self.published:
            self.n_harmless += 1
        else:
            self.missed.append(where)

    def in_cache(self, n: int, chance: random.Random) -> None:
        """Flip a byte of one file of the cache, and load."""
        folder = fetch_version(self.registry, VERSION, self.cache)
        paths = [folder.parent / "manifest.json", *sorted(path for path in folder.rglob("*") if path.is_file())]
        path = paths[n % len(paths)]
        at, damaged = _flip(path.read_bytes(), chance)
        path.chmod(0o644)
        path.write_bytes(damaged)
        if contents(fetch_version(self.registry, VERSION, self.cache)) == self.published:
            self.n_mended += 1
        else:
            self.missed.append(f"{path.name} of the cache, byte {at}")


def _flip(data: bytes, chance: random.Random) -> tuple[int, bytes]:
    at = chance.randrange(len(data))
    return at, data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _signed(registry: Registry, folder: Path) -> Registry:
    folder.mkdir(parents=True, exist_ok=True)
    signer = new_key(folder / "key.pem")
    key = TrustedKey("trainer", signer.public_key, frozenset(Act))
    return replace(registry, trust=Trust((key,), required=True), signer=signer)


@dataclass(frozen=True)
class Carelessness:
    """How a store was met that ignores the header of create-only writes."""

    n_create_only: int  # requests that lost their header
    refusal: str  # the sentence
    left: tuple[str, ...]  # keys that the refused writer left behind


def meet_careless_store(
    place: Place, *, is_careless: Callable[[Request], bool] = lambda request: request.is_create_only
) -> Carelessness:
    """Open a store that ignores create-only, as every writer does first."""
    with faulty(
        place.url, lambda request: CARELESS if is_careless(request) else None, sign_with=place.credentials
    ) as proxy:
        careless = place.via(proxy.url)
        store = careless.open().store
        before = everything(store)
        refusal = ""
        try:
            ensure_safe(store, StoreConfig(endpoint_url=proxy.url, bucket=place.bucket))
        except UnsafeStore as error:
            refusal = str(error)
        left = everything(store)
        n_stripped = sum(is_careless(request) for request in proxy.seen)
    return Carelessness(n_stripped, refusal, tuple(key for key in left if left[key] != before.get(key)))
