"""The bundle of a retrain as a whole folder, whichever of its files the retrain made itself.

A head-only retrain stores its head and its facts; encoder and tokenizer are those of the version that it names.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

from fsl.project import Project
from fsl.runs.steps import RetrainPlan, fetch_step
from fsl.serving.bundle import ENCODER, FACTS, HEAD, TOKENIZER, read_facts
from fsl.serving.errors import BundleDamaged
from fsl.store.registry import fetch_version


def fetch_bundle(project: Project, plan: RetrainPlan) -> Path:
    """Return a folder with the bundle that a retrain made, every digest checked.

    Raises:
        NoSuchVersion: the retrain has not made it yet, or the version whose encoder it keeps is gone.
        BundleDamaged: head and encoder are not of one bundle.
    """
    made = fetch_step(project, plan.key, "bundle")
    if plan.head_of is None:
        return made
    source = fetch_version(project.registry, plan.head_of, project.cache)
    folder = project.cache / "bundles" / plan.key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        whole = Path(scratch) / "bundle"
        whole.mkdir()
        for name, place in ((ENCODER, source), (TOKENIZER, source), (HEAD, made), (FACTS, made)):
            shutil.copyfile(place / name, whole / name)
        with (whole / ENCODER).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != read_facts(whole).encoder:
            raise BundleDamaged(str(whole), ENCODER, f"the head was fitted to another one than that of {plan.head_of}")
        if not folder.is_dir():
            try:
                whole.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster, with the same files
                    raise
    return folder
