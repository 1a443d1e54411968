import pytest

from fsl.store.errors import BadName
from fsl.store.keys import checked_key, checked_name, checked_prefix


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        "a\\..\\b",
        "a\nb",
        "a\x00",
        "a\x7f",
        "\ud800",
        "é" * 513,
    ],
)
def test_a_key_that_climbs_or_hides_is_refused(key: str) -> None:
    with pytest.raises(BadName, match="cannot be a key"):
        checked_key(key)


@pytest.mark.parametrize("key", ["a", "a/b.json", "..a/b..", "收件箱/第一批 数据.jsonl", "Ñandú.csv", "a" * 1024])
def test_an_honest_key_passes_as_it_is(key: str) -> None:
    assert checked_key(key) == key


def test_a_prefix_ends_with_one_slash() -> None:
    assert checked_prefix("a/b") == checked_prefix("a/b/") == "a/b/"
    assert checked_prefix("") == ""


@pytest.mark.parametrize("prefix", ["/", "a//", "../", "a/../../b/"])
def test_a_prefix_that_climbs_is_refused(prefix: str) -> None:
    with pytest.raises(BadName):
        checked_prefix(prefix)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", ".a", "a..b", "a b", "a\n", "é", "a" * 101])
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(BadName, match="cannot be an alias"):
        checked_name("an alias", name)


@pytest.mark.parametrize("name", ["champion", "v1.2_rc-3", "0a", "a" * 100])
def test_a_plain_name_passes(name: str) -> None:
    assert checked_name("an alias", name) == name
