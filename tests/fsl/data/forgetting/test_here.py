"""What lies on this machine goes as well, and a version shows what it knew."""

import json
from datetime import UTC, datetime
from pathlib import Path

from fsl.config import RunConfig
from fsl.data.forgetting.forget import forget
from fsl.data.forgetting.here import clean_cache
from fsl.data.forgetting.selection import Selection, parse_condition
from fsl.data.snapshots import load_samples, take_snapshot
from fsl.samples import Split
from fsl.store.manifests import digest_of
from fsl.store.objects import ObjectStore

MARIA = Selection((parse_condition("text contains maria sand"),))


def keep(cache: Path, run: str, rows: list[str]) -> tuple[Path, Path]:
    """Put a teacher's soft labels into a cache, as fetching a step does; return the file and its blob."""
    folder = cache / "versions" / run / "teacher" / "files"
    folder.mkdir(parents=True)
    file = folder / "soft_labels.json"
    file.write_text(json.dumps({"rows": rows}), encoding="utf-8")
    (folder / "soft_labels.safetensors").write_bytes(run.encode())
    (cache / "blobs").mkdir(exist_ok=True)
    blob = cache / "blobs" / digest_of(file)
    blob.write_bytes(file.read_bytes())
    return file, blob


def test_soft_labels_of_forgotten_rows_leave_the_cache_and_others_stay(
    peopled: ObjectStore, config: RunConfig, tmp_path: Path, secret: str
) -> None:
    samples = load_samples(peopled, take_snapshot(peopled, config), set(Split))
    ids = {sample.text: sample.row_id for sample in samples}
    meant = keep(tmp_path, "a", [ids[secret], ids["refund message 1"]])
    other = keep(tmp_path, "b", [ids["refund message 1"]])
    assert clean_cache(peopled, config, tmp_path) == ()
    forget(peopled, config, MARIA, who="ada", now=datetime(2026, 3, 1, tzinfo=UTC))

    gone = clean_cache(peopled, config, tmp_path)

    assert set(meant) <= set(gone)
    assert not any(path.exists() for path in (*meant, meant[0].with_name("soft_labels.safetensors")))
    assert all(path.exists() for path in other)
    assert clean_cache(peopled, config, tmp_path) == ()


def test_a_damaged_file_in_the_cache_is_passed_by(peopled: ObjectStore, config: RunConfig, tmp_path: Path) -> None:
    forget(peopled, config, MARIA, who="ada", now=datetime(2026, 3, 1, tzinfo=UTC))
    (tmp_path / "soft_labels.json").write_bytes(b"\xff not JSON")

    assert clean_cache(peopled, config, tmp_path) == ()
