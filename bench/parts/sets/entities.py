"""Raw files of the sets of entities, as rows of tokens and BIO tags. Pure, like `bench.parts.sets.texts`."""

import random
from collections.abc import Iterator

from bench.parts.sets.rows import SEED, Raw, Row, Splits, lines_of

WNUT = {"train": "wnut17train.conll", "dev": "emerging.dev.conll", "test": "emerging.test.annotated"}
FEWNERD = {"train": "data/fewnerd/dev.txt", "test": "data/fewnerd/test.txt", "novel": "data/fewnerd/big_test.txt"}
FEWNERD_SAMPLES = {"train": 5000, "test": 2500, "novel": 4000}
MAX_TOKENS = 100


def wnut17(raw: Raw) -> Splits:
    """The official split."""
    return {split: list(_sentences(raw[path])) for split, path in WNUT.items()}


def fewnerd_small(raw: Raw) -> Splits:
    """Samples of sentences of at most `MAX_TOKENS`, in their order, one generator for the three files."""
    generator, splits = random.Random(SEED), Splits()
    for split, path in FEWNERD.items():
        rows = [row for row in _sentences(raw[path]) if len(row["tokens"]) <= MAX_TOKENS]
        places = generator.sample(range(len(rows)), min(FEWNERD_SAMPLES[split], len(rows)))
        splits[split] = [rows[place] for place in sorted(places)]
    return splits


def _sentences(raw: bytes) -> Iterator[Row]:
    tokens: list[str] = []
    tags: list[str] = []
    for line in [*lines_of(raw.decode("utf-8")), ""]:
        if line.strip():
            token, tag = line.split("\t")
            tokens.append(token)
            tags.append(_begun(tag.strip(), tags[-1] if tags else "O"))
        elif tokens:
            yield {"tokens": tokens, "tags": tags}
            tokens, tags = [], []


def _begun(tag: str, before: str) -> str:
    """Return the tag, an I- that begins an entity written as B-."""
    if tag != "O" and tag[:2] not in ("B-", "I-"):
        raise ValueError(f"{tag[:40]!r} is no BIO tag")
    return f"B-{tag[2:]}" if tag.startswith("I-") and before[2:] != tag[2:] else tag
