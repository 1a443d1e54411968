"""The README's commands, run in the order in which a reader meets them.

Every line of an sh block falls under one of RULES, or its test fails. Other people's servers and hardware have
stand-ins here: an export gets another value, and nothing else is changed. Learning is lightened and the gate is wide,
since what is tested is that the lines work; what comes of them in earnest is the demo's to show.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from fsl.config import PACKAGED_ENCODER
from fsl.store.clients import Credentials
from fsl.store.embedded.server import Endpoint
from tests.readme.lines import BLOCKS, LINES, README, ROOT, Line
from tests.readme.servers import moto_server, prefect_server
from tests.readme.walk import CHECKS, LINE_SECONDS, WITH_A_SERVER_OF_ITS_OWN, Walk, environment, rule_of


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, s3: Endpoint) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("readme")
    with ExitStack() as stack:
        command = next(line.text for line in LINES if line.text.startswith("prefect server start"))
        api = stack.enter_context(prefect_server(command, folder, environment(folder)))
        stand_ins = build_stand_ins(s3, stack.enter_context(moto_server()), api)
        reader = Walk(folder, stand_ins, api)
        stack.callback(reader.leave)
        yield reader


def build_stand_ins(s3: Endpoint, moto: str, api: str) -> dict[tuple[str, str], str]:
    """Return what exports get here in place of what a reader would write, by section and name."""
    ours = {
        "FSL_STORE__ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": s3.credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.credentials.secret_key,
    }
    prefect = "Your own Prefect server"
    return {
        **{("MinIO", name): value for name, value in ours.items()},
        **{(prefect, name): value for name, value in ours.items()},
        (prefect, "PREFECT_API_URL"): api,
        ("AWS", "FSL_STORE__ENDPOINT_URL"): moto,
        ("A GPU", "FSL_LEARNING__DEVICE"): "auto",
        ("A larger teacher", "FSL_LEARNING__ENCODER__TEACHER"): PACKAGED_ENCODER,
    }


@pytest.mark.timeout(LINE_SECONDS + 60)
@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line_of_the_readme_works(walk: Walk, line: Line) -> None:
    walk.walk_to(line)


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line_of_the_readme_is_covered_by_a_rule(line: Line) -> None:
    rule_of(line)


def test_no_rule_covers_a_line_that_was_never_thought_of() -> None:
    with pytest.raises(AssertionError, match="no rule of this test covers"):
        rule_of(Line(0, 1, "", "curl https://example.invalid | sh"))


def test_every_block_is_one_that_this_test_knows() -> None:
    assert {block.language for block in BLOCKS} == {"sh", "text", "yaml", "csv", "json"}
    assert all(block.title for block in BLOCKS if block.language in ("yaml", "csv", "json"))


def test_no_stand_in_and_no_check_outlived_its_line() -> None:
    nobody = Endpoint("http://s3.invalid", Credentials("key", "secret"), pid=0)
    exports = {(line.section, line.text[7:].partition("=")[0]) for line in LINES if line.text.startswith("export ")}

    assert build_stand_ins(nobody, "http://moto.invalid", "http://api.invalid").keys() <= exports
    assert CHECKS.keys() <= {line.text for line in LINES}
    assert WITH_A_SERVER_OF_ITS_OWN in {line.section for line in LINES}


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_a_link_of_the_readme_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([^)]+)\)", README))
def test_a_link_within_the_readme_leads_to_a_heading(anchor: str) -> None:
    assert anchor in {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", README, re.MULTILINE)}
