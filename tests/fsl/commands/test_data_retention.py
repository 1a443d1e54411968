"""`fsl data retention` as a person types it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fsl.store import layout
from fsl.store.objects import ObjectStore

Fsl = Callable[..., tuple[int, Any, str]]


def test_old_files_of_the_log_are_retired_and_removed(
    fsl: Fsl, project_name: str, bucket_store: ObjectStore, tmp_path: Path
) -> None:
    (tmp_path / "fsl.yaml").write_text(
        f"project: {project_name}\ndata: {{retention: {{predictions_days: 30}}}}\n", encoding="utf-8"
    )
    store = bucket_store.within(f"{project_name}/")
    key = f"{layout.PREDICTIONS}dt=2020-01-01/hour=08/a.parquet"
    store.put(key, b"of another writer")

    _, planned, _ = fsl("data", "retention", "--dry-run", "--json")
    _, shown, _ = fsl("data", "retention")

    assert [one["key"] for one in planned["retired"]] == [key]
    assert planned["rules"]["predictions_days"] == 30
    assert "removed: 1 files" in shown
    assert store.find(key) is None
