"""What the trials of orchestration are made of: tiny projects, and workers that can be killed.

The tests run the short forms of these bodies, `bench.orchestration` the long ones. A worker is a process of its own,
forked from one that has everything imported, so that it starts within a moment.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fsl.config import StoreConfig
from fsl.config.file import parse_config
from fsl.data.intake import ingest_object, pending_objects
from fsl.evaluation.ruling.verdict import Outcome
from fsl.project import Project, connect, open_project, push_config
from fsl.promotion.promote import (
    judge_challenger,
    name_challenger,
    promote,
    register_challenger,
    score_challenger,
    score_champion,
)
from fsl.runs.run_page import describe_run, publish_run_page
from fsl.runs.steps import load_plan
from fsl.scheduling.trigger_facts import ask_for_retrain
from fsl.store import layout
from fsl.store.aliases import CHAMPION, current_move
from tasks.alerts import alert_surges
from tasks.drift import check_window
from tasks.export import export_bundle
from tasks.intake import ingest_file
from tasks.learning import adapt_student, adapt_teacher
from tasks.planning import plan_now
from tasks.promotion import ask_approval, find_result, keep_result, watch_champion, why_barred
from tasks.turns import retrain_turn

TEMPLATE = Path(__file__).parents[3] / "fsl" / "templates" / "support-intents" / "data" / "day-1" / "labelled.jsonl"
LABELS = {"track_order": "Parcel parcel parcel:", "device_pairing": "Headset headset headset:"}
CONFIG = """
project: {name}
data: {{on_unknown_label: accept, new_label_min_rows: 2, splits: {{train: 0.5, tune: 0.1, judge: 0.4}}}}
learning:
  encoder: {{student: "{encoder}", teacher: "{encoder}", max_length_tokens: 32}}
  adapter: {{rank: 4}}
  teacher: {{epochs: 4, learning_rate: 0.01}}
  student: {{epochs: 1}}
  device: cpu
  precision: float32
export: {{int8: false}}
gate: {{alpha: 0.2, robustness_texts: 0, max_latency_p95_ms: 10000}}
triggers: {{min_new_rows: 40}}
claims: {{expiry_seconds: {expiry_seconds}}}
"""
SPLIT_KEY = "33" * 32
STEPS = ("fsl.learning.teacher.adapt_teacher", "fsl.learning.student.adapt_student", "fsl.export.bundle.build_bundle")
PRELOAD = [
    "bench.parts.orchestration.stage",
    "flows.cycle",
    "flows.retrain",
    "torch",
    "transformers",
    "peft",
    "sklearn.linear_model",
    "great_expectations",
    "onnxruntime",
    "onnx",
    "onnxscript",
    "boto3",
    "fsl.learning.teacher",
    "fsl.learning.student",
    "fsl.export.bundle",
]

Rows = list[dict[str, Any]]


def sample_rows() -> Rows:
    """Return the rows of two intents, one for each text."""
    found: dict[str, dict[str, str]] = {}
    for line in TEMPLATE.read_bytes().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # the template's bad rows are there on purpose
        text = row.get("text") if isinstance(row, dict) else None
        if isinstance(text, str) and row.get("label") in LABELS and text.isprintable() and 10 < len(text) < 300:
            found.setdefault("".join(filter(str.isalnum, text.casefold())), row)
    # A word in front says which it is: an encoder of chance has to see it.
    return [row | {"text": f"{LABELS[row['label']]} {row['text']}"} for row in found.values()]


def build_encoder(folder: Path, texts: Sequence[str]) -> Path:
    """Write a random encoder of two thin layers that knows the words of some texts, and return its folder."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    words = sorted(
        {word for text in texts for word in "".join(c if c.isalnum() else " " for c in text.lower()).split()}
    )
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words]
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(pieces),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        initializer_range=0.02,
    )
    folder.mkdir(parents=True, exist_ok=True)
    BertModel(shape).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def new_project(
    name: str, encoder: Path, store_config: StoreConfig, extra: str = "", *, expiry_seconds: float = 1
) -> Project:
    """Make a tiny project in a store that the environment names.

    Args:
        expiry_seconds: of claims. A short one makes the next worker wait less for one that was killed.
    """
    text = CONFIG.format(name=name, encoder=encoder, expiry_seconds=expiry_seconds)
    config = parse_config(text + extra, where="the stage")
    # One split for all, so that each of them comes to the same verdict.
    store = connect(store_config, name)
    return push_config(config.model_copy(update={"store": store_config}), store, split_key=SPLIT_KEY)


def drop(project: Project, rows: Rows, name: str = "rows.jsonl") -> str:
    """Put rows into the inbox, and return the key."""
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    project.store.put(layout.inbox(name), data.encode())
    return layout.inbox(name)


def run_bare_cycle(name: str) -> None:
    """Do all that a cycle does by library calls alone: the tasks' bodies, without Prefect and without claims."""
    project = open_project(name)
    for key in pending_objects(project.store):
        ingest_object(project.store, project.config, key, now=datetime.now(UTC))
    for look in (watch_champion, check_window, alert_surges):
        look.fn(name)
    if ask_for_retrain(project, now=datetime.now(UTC)).yes:
        retrain_bare(project, plan_now(project)[0])


def run_claimed_cycles(names: Sequence[str]) -> list[str]:
    """Do the same for some projects at once, under the claims that the flows hold; return what was done, in words."""
    told = [
        str(ingest_file.fn(name, key)["said"]) for name in names for key in pending_objects(open_project(name).store)
    ]
    due = [name for name in names if ask_for_retrain(open_project(name), now=datetime.now(UTC)).yes]
    with ThreadPoolExecutor(16) as pool:
        return [*told, *pool.map(retrain_claimed, due)]


def retrain_claimed(name: str) -> str:
    """Retrain when it is this worker's turn, and say how that went."""
    with retrain_turn(name) as turn:
        if turn.said is not None or turn.held is None:
            return str(turn.said and turn.said["outcome"])
        turn.held.outcome = retrain_bare(open_project(name), turn.key, turn.held.ensure)
        return turn.held.outcome


def retrain_bare(project: Project, key: str, ensure: Callable[[], None] = lambda: None) -> str:
    """Retrain by library calls, and return the verdict."""
    seen = current_move(project.registry, CHAMPION)
    plan = load_plan(project, key)
    if seen is not None and seen.version == plan.version:
        return "unchanged"
    why_barred.fn(project.name, plan.version), find_result.fn(project.name, key, seen)
    for step in (adapt_teacher, adapt_student, export_bundle):
        step.fn(project.name, key)
    score_challenger(project, plan)
    if seen is not None:
        score_champion(project, plan, seen.version)
    verdict = judge_challenger(project, plan, seen.version if seen else None)
    page = publish_run_page(project, plan, describe_run(project, plan, verdict, trigger="bench", now=datetime.now(UTC)))
    register_challenger(project, plan, verdict, page.card)
    name_challenger(project, plan.version, str(verdict.outcome), who="bench", now=datetime.now(UTC))
    ask_approval.fn(project.name, key, verdict.to_json())
    if verdict.outcome is Outcome.PROMOTE:
        ensure()
        promote(project, plan, verdict, seen=seen, who="bench", now=datetime.now(UTC))
    keep_result.fn(project.name, key, seen, {"version": plan.version, "outcome": str(verdict.outcome)})
    return str(verdict.outcome)


# Workers


def run_flow(flow: str, parameters: dict[str, Any], journal: str, environment: dict[str, str]) -> None:
    """Run a flow in this process, and write down its steps and its end.

    Args:
        flow: by its name; or `bare`, the cycle by library calls alone; or `claimed`, the same under claims, for one or
            more projects with a space between.
    """
    os.environ.update(environment)
    _note_steps(Path(journal), str(parameters["project"]))
    began = time.monotonic()
    if flow == "bare":
        result: Any = run_bare_cycle(str(parameters["project"]))
    elif flow == "claimed":
        result = run_claimed_cycles(str(parameters["project"]).split())
    else:
        from flows.server.deployments import find_flow
        from flows.server.settings import without_heartbeats

        with without_heartbeats():  # as the worker has it
            result = find_flow(flow)(**parameters)
    seconds = time.monotonic() - began
    _note(Path(journal), {"end": flow, "project": parameters["project"], "result": result, "seconds": seconds})


def start_worker(
    flow: str, parameters: dict[str, Any], journal: Path, environment: dict[str, str]
) -> multiprocessing.process.BaseProcess:
    """Start a flow in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    worker = context.Process(target=run_flow, args=(flow, parameters, str(journal), environment))
    worker.start()
    return worker


def read_journal(journal: Path) -> list[dict[str, Any]]:
    """Return what workers wrote down. A line that a kill cut off is left out."""
    found = []
    for line in journal.read_text(encoding="utf-8").splitlines() if journal.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


@contextmanager
def worker_environment(state: Path, api: str) -> Iterator[dict[str, str]]:
    """Give what workers need beside the store's environment. It must hold when the first of them starts."""
    from flows.server.settings import prefect_environment

    values = {**prefect_environment(state), "PREFECT_API_URL": api, "FSL_CACHE_DIR": str(state / "cache")}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield {name: value for name, value in os.environ.items() if name.startswith(("FSL_", "AWS_", "PREFECT_"))}
    finally:
        for name, old in before.items():
            os.environ.pop(name, None) if old is None else os.environ.update({name: old})


def _note_steps(journal: Path, project: str) -> None:
    """Write down each step's begin and end. What a step does within itself, such as a rehearsal, is no step."""
    import importlib

    at_work = [False]
    for name in STEPS:
        module, _, function = name.rpartition(".")
        home = importlib.import_module(module)
        original = getattr(home, function)

        def noted(*args: Any, _original: Any = original, _step: str = function, **kwargs: Any) -> Any:
            if at_work[0]:
                return _original(*args, **kwargs)
            at_work[0] = True
            _note(journal, {"step": _step, "project": project, "began": time.time()})
            try:
                return _original(*args, **kwargs)
            finally:
                at_work[0] = False
                _note(journal, {"step": _step, "project": project, "ended": time.time()})

        setattr(home, function, noted)


def to_json(value: Any) -> bytes:
    """Return a value as the bytes of its JSON."""
    return json.dumps(value, ensure_ascii=False).encode()


def _note(journal: Path, facts: dict[str, Any]) -> None:
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(facts, default=str) + "\n")
