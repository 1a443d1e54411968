"""The config: closed, frozen, read back as it was written, and every fault told at once."""

import os
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from fsl.config import AdapterConfig, RecordedConfig, RunConfig, StoreConfig
from fsl.config.file import as_yaml, default_config, load_config, parse_config
from fsl.errors import ConfigError
from fsl.workspace import template_names

TEMPLATES = Path(__file__).parents[3] / "fsl" / "templates"


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("FSL_")]:
        monkeypatch.delenv(name)


def faults_of(text: str) -> tuple[str, ...]:
    """Return what a config is told to be wrong with it."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, where="fsl.yaml")
    return caught.value.faults


def test_one_look_shows_every_fault_with_its_line_and_the_nearest_key() -> None:
    text = """
project: My Project
gaet: {}
learning:
  adapter:
    method: bitfit
    ranks: 3
  encoder: {student_layers: 0}
data:
  splits: {train: 0.9}
problem: {kind: relation}
"""
    assert faults_of(text) == (
        "line 2: project: use lower-case ASCII letters, digits and hyphens, such as support-intents, "
        "but it is 'My Project'",
        "line 3: gaet: there is no such key; did you mean 'gate'?",
        "line 6: learning.adapter.method: should be 'lora', 'dora', 'ia3' or 'full', but it is 'bitfit'",
        "line 7: learning.adapter.ranks: there is no such key; did you mean 'rank'?",
        "line 8: learning.encoder.student_layers: should be greater than 0, but it is 0",
        "line 10: data.splits: train, tune and judge add up to 1.2, not to 1, "
        "but it is {'judge': 0.2, 'train': 0.9, 'tune': 0.1}",
        "line 11: problem.kind: should be 'classification', 'multilabel' or 'tagging', but it is 'relation'",
    )


def test_a_key_that_resembles_none_is_answered_with_all_that_are_known_there() -> None:
    assert faults_of("project: a\nstore: {zzz: 1}") == (
        "line 2: store.zzz: there is no such key; known here: endpoint_url, embedded_program, bucket, region, "
        "single_writer, lock_file",
    )


def test_a_config_without_a_project_is_told_so() -> None:
    assert faults_of("gate: {alpha: 0.1}") == ("project: this key is needed",)


def test_a_section_without_keys_is_told_what_a_section_is() -> None:
    (fault,) = faults_of("project: a\ngate:\n")

    assert fault == "line 2: gate: a section holds keys of its own, and may be left out whole, but it is None"


def test_a_key_that_stands_twice_is_refused_since_the_first_would_be_lost() -> None:
    assert faults_of("project: a\ngate: {alpha: 0.1}\nstore: {}\ngate: {}\n") == (
        "line 4: gate: this key stands in line 2 already",
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it holds no keys"),
        ("- project", "it holds no keys"),
        ("project: [a", "it is not YAML: while parsing a flow sequence"),
        ("project: a\0", "it is not YAML: unacceptable character"),
        ("project: a\nwhen: 2024-13-45", "it is not YAML: month must be in"),
        ("project: a\nn: !!int ''", "it is not YAML"),
        ("project: a\nn: !!python/object/apply:os.getcwd []", "it is not YAML: could not determine a constructor"),
        ("project: " + "[" * 1000 + "]" * 1000, "it is not YAML: maximum recursion depth"),
        ("project: a\nstore: {bucket: " + "[" * 50 + "]" * 50 + "}", "line 2: store.bucket: should be a valid string"),
        ("project: a\ngate: &me {again: *me}", "line 2: gate.again: there is no such key"),
        ("project: a\ngate: {max_latency_p95_ms: .inf}", "should be a finite number"),
        ("project: a\nlearning: {student: {learning_rate: .nan}}", "should be a finite number"),
    ],
)
def test_what_is_no_config_gets_a_sentence(text: str, fault: str) -> None:
    (found,) = faults_of(text)

    assert fault in found
    assert len(found) < 600


def test_aliases_that_would_unfold_to_gigabytes_are_refused_before_they_do() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )

    assert faults_of(f"{bomb}project: *i\n") == ("it holds more than 20 aliases (*name). Write the values out",)


def test_a_value_of_any_size_is_quoted_in_a_few_words() -> None:
    (fault,) = faults_of(f"project: a\ngate: {{alpha: [{'[xxxxxxxxx], ' * 1_000}]}}\n")

    assert len(fault) < 300


def test_a_few_aliases_are_welcome() -> None:
    text = "project: a\nlearning:\n  teacher: &fit {epochs: 3, learning_rate: 0.002}\n  student: *fit\n"

    assert parse_config(text, where="fsl.yaml").learning.student.epochs == 3


@pytest.mark.parametrize("key", ["_env_file", "_cli_parse_args", "_secrets_dir", "_env_prefix"])
def test_a_config_cannot_turn_on_what_pydantic_settings_can_do(key: str) -> None:
    (fault,) = faults_of(f"project: a\n{key}: /etc/passwd\n")

    assert f"line 2: {key}: there is no such key" in fault


def test_the_error_names_the_file_and_the_command_that_helps(tmp_path: Path) -> None:
    (tmp_path / "fsl.yaml").write_text("project: a\nx: 1\n")

    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "fsl.yaml")

    assert str(tmp_path / "fsl.yaml") in str(caught.value)
    assert "`fsl config schema` lists every key" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"), [(None, "there is no such file. `fsl init"), (b"project: \xff\xfe", "cannot be read")]
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, data: bytes | None, words: str) -> None:
    if data is not None:
        (tmp_path / "fsl.yaml").write_bytes(data)

    with pytest.raises(ConfigError, match=words):
        load_config(tmp_path / "fsl.yaml")


def test_the_environment_wins_over_the_file_and_leaves_the_keys_beside_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSL_STORE__ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("fsl_gate__alpha", "0.2")

    config = parse_config("project: a\nstore: {bucket: mine, endpoint_url: http://other}\n", where="fsl.yaml")

    assert config.store == StoreConfig(endpoint_url="http://127.0.0.1:9", bucket="mine")
    assert config.gate.alpha == 0.2


def test_other_variables_of_ours_are_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FSL_CACHE_DIR", "/somewhere")

    assert parse_config("project: a", where="fsl.yaml") == RunConfig(project="a")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("FSL_GATE__ALPHA", "much", "FSL_GATE__ALPHA in the environment: gate.alpha: should be a valid number"),
        ("FSL_GATE__ALPHAA", "0.1", "FSL_GATE__ALPHAA in the environment: gate.alphaa: there is no such key; did you"),
        ("FSL_GATE", "{not json", 'the environment: error parsing value for field "gate"'),
    ],
)
def test_a_fault_of_the_environment_names_its_variable_and_no_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)

    (fault,) = faults_of("project: a\ngate: {on_undecided: keep}\n")

    assert fault.startswith(words)


def test_what_was_recorded_is_read_back_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = as_yaml(RunConfig(project="a"))
    monkeypatch.setenv("FSL_LEARNING__SEED", "99")

    assert parse_config(recorded, where="plan", kind=RecordedConfig).learning.seed == 17
    assert parse_config(recorded, where="plan").learning.seed == 99


def test_a_config_is_read_back_as_it_was_written() -> None:
    text = """
project: a-1
data: {time_column: 日付, splits: {train: 0.5, tune: 0.25, judge: 0.25}}
learning: {encoder: {student_layers: 3}, student: {learning_rate: 1e-5}, adapter: {method: full}}
"""
    config = parse_config(text, where="fsl.yaml")

    assert config.learning.student.learning_rate == 1e-5  # YAML 1.1 takes it for a text
    assert config.data.time_column == "日付"
    assert parse_config(as_yaml(config), where="again") == config


def test_a_config_is_frozen_at_every_depth() -> None:
    config = default_config("a")

    with pytest.raises(ValidationError, match="frozen"):
        config.project = "b"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        config.learning.adapter.rank = 1  # type: ignore[misc]
    assert config.learning.adapter == AdapterConfig()


def test_secrets_have_no_key_to_stand_under() -> None:
    keys = re.findall(r"^ *(\w+):", as_yaml(default_config("a")), flags=re.MULTILINE)

    assert not [key for key in keys if re.search("secret|password|token$|access|credential", key)]


@pytest.mark.parametrize("name", ["", "-a", "Ä", "a/b", "..", "a b", "A", "x" * 64])
def test_a_project_name_that_could_leave_its_prefix_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="project"):
        default_config(name)


@pytest.mark.parametrize("template", template_names())
def test_every_template_has_a_sound_config_named_after_it(template: str) -> None:
    assert load_config(TEMPLATES / template / "fsl.yaml").project == template


def test_schedules_and_triggers_are_checked_with_a_sentence_each() -> None:
    text = """project: a
schedule:
  retrain: every night
  timezone: Mars/Olympus
triggers:
  quiet_hours: at night
  also: [{after: fsl.retrain.finished, run: walk}]
"""
    assert [fault.partition(", but it is")[0] for fault in faults_of(text)] == [
        "line 3: schedule.retrain: it is not cron: five fields say minute, hour, day, month and weekday, such as "
        '"0 3 * * *"',
        "line 4: schedule.timezone: there is no such time zone; they are named like Europe/Berlin, Asia/Shanghai "
        "or UTC",
        "line 6: triggers.quiet_hours: it is not a part of the day; write two times, such as 22:00-06:00",
        "line 7: triggers.also.0.run: should be 'ingest', 'retrain', 'watch', 'drift', 'cycle' or 'housekeeping'",
    ]


def test_a_trigger_that_sets_itself_off_is_refused_and_the_circle_named() -> None:
    (fault,) = faults_of("project: a\ntriggers: {also: [{after: fsl.retrain.finished, run: drift}]}")

    assert "drift -> fsl.drift.checked -> retrain -> fsl.retrain.finished -> drift" in fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "project: a\nserving: {abstain_below: 0.5, max_error_when_answering: 0.1}\n",
            "give `abstain_below` or `max_error_when_answering`, which chooses it; not both",
        ),
        (
            "project: a\nproblem: {kind: tagging}\nserving: {scope_recall: 0.95}\n",
            "a tagging cannot abstain: take the limits out of `serving`",
        ),
    ],
)
def test_limits_that_cannot_hold_are_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        parse_config(text.encode(), where="fsl.yaml")


def test_off_and_on_are_words_and_still_switch_what_is_on_or_off() -> None:
    config = parse_config(
        "project: p\nexport: {int8: off}\n"
        "learning: {label_names: off, tracking: off, compile: on, meta: {method: off}}\n",
        where="here",
    )

    assert (config.learning.label_names, config.learning.tracking) == ("off", "off")
    assert (config.learning.compile, config.learning.meta.method) == ("on", "off")
    assert config.export.int8 is False


def test_a_word_that_says_yes_or_no_is_a_name_like_any_other() -> None:
    config = parse_config("project: no\nlearning: {candidates: {on: {student: {mixup: 0.2}}}}\n", where="here")

    assert config.project == "no"
    assert list(config.learning.candidates) == ["on"]
