"""What draws, shots and pools have in common, done once: vectors of untouched encoders, and teachers that were adapted.

Both lie beside the fetched teacher, never in the repository. An adapted teacher depends on its rows and settings, not
on the pool, so one fit serves a clean pool, a noisy one and none; a step whose number was raised is done again.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.cells import digest_of
from bench.parts.students.teacher_files import cache_folder
from bench.parts.students.vectors import VectorFile
from fsl.samples import Sample

_AT_ONCE = 2048  # texts between two looks at the disk, so that a run that is cut off loses little


class Memory:
    """Vectors and teachers of one data set."""

    def __init__(self, about: str, also: Sequence[Sample] = (), *, folder: Path | None = None) -> None:
        """Remember for a data set; `also` are texts that a later pool will hold, embedded together with an earlier."""
        self._about, self._also, self._folder = about, tuple(also), folder or cache_folder()
        self.saved_cpu_seconds = 0.0  # what teachers cost that were fitted in an earlier cell

    def embed(
        self, network: Any, reader: Any, encoded: Sequence[Any], *, bfloat16: bool = False
    ) -> NDArray[np.float32]:
        """Do as `fsl.learning.encoders.embed` does, for encoders as they came."""
        from fsl.learning.encoders import embed, encoder_digest

        precision = "bf16" if bfloat16 else "fp32"
        name = f"{self._about}-{encoder_digest(network)[:16]}-{precision}.npz"
        known = VectorFile(self._folder / "frozen" / name)
        keys = [ids_key(one.ids) for one in encoded]
        missing = {key: one for key, one in zip(keys, encoded, strict=True) if key not in known}
        keys_missing = sorted(missing, key=lambda key: len(missing[key]))
        for start in range(0, len(keys_missing), _AT_ONCE):
            part = keys_missing[start : start + _AT_ONCE]
            known.add(part, embed(network, reader, [missing[key] for key in part], bfloat16=bfloat16))
        return known.of(keys)

    def consult(self, desk: Any, name: str, progress: Any, track: Any) -> Any:
        """Do as `fsl.learning.teacher.consult_teacher` does, from what an earlier draw's fit left where it can."""
        from fsl.learning.encoders import load_encoder
        from fsl.learning.sources import Source
        from fsl.learning.teacher import consult_teacher
        from fsl.learning.training.lessons import read_lessons

        if desk.config.teacher.epochs == 0:  # its vectors are remembered already
            return consult_teacher(desk, name, progress, track)
        path = self._folder / "taught" / f"{self._about}-{_teacher_key(desk, name)}.npz"
        encoder = load_encoder(desk.config.encoder, role="teacher", unit=desk.problem.unit, name=name)
        read = lambda rows: read_lessons(rows, encoder.reader(desk.problem.unit), desk.problem, desk.labels)  # noqa: E731
        lessons, others = read(desk.train), read(desk.pool)
        texts, held_out = [*lessons, *others], [one for one in read(desk.tune) if one.targets is not None]
        keys = [ids_key(one.encoded.ids) for one in (*texts, *held_out)]
        known = VectorFile(path)
        if any(key not in known for key in keys):
            started = time.process_time()
            wider = replace(desk, pool=(*desk.pool, *self._also))
            source, all_texts, asked = consult_teacher(wider, name, progress, track)
            values = np.concatenate([source.vectors, np.log(source.probabilities.clip(min=1e-12))], 1)
            known.add([ids_key(one.encoded.ids) for one in (*all_texts, *asked)], values)
            path.with_suffix(".json").write_text(json.dumps({"cpu_seconds": time.process_time() - started}))
        else:
            self.saved_cpu_seconds += json.loads(path.with_suffix(".json").read_text())["cpu_seconds"]
        values = known.of(keys)
        n_hidden = encoder.network.hidden_size
        return Source(name, values[:, :n_hidden], np.exp(values[:, n_hidden:])), texts, held_out


def ids_key(ids: Sequence[int]) -> bytes:
    """Return the digest of a text as an encoder reads it."""
    return hashlib.sha256(np.asarray(ids, np.int64).tobytes()).digest()[:16]


def _teacher_key(desk: Any, name: str) -> str:
    from fsl.runs.steps import STEP_VERSIONS

    config = desk.config
    # Without defaults, so that a setting that is new, and off, makes nothing older.
    said = {
        "rows": [[one.text, str(one.target)] for one in (*desk.train, *desk.tune, *desk.stop)],
        "name": name.rpartition("/")[2],
        "teacher": config.teacher.model_dump(mode="json", exclude_defaults=True),
        "adapter": config.adapter.model_dump(mode="json", exclude_defaults=True),
        "head": [config.distillation.head, config.distillation.cosine_scale],
        "rest": [config.seed, config.precision, config.encoder.max_length_tokens],
        "step": STEP_VERSIONS["teacher"],
    }
    return digest_of(said)
