"""Pages that others drew, made safe to keep: what they hold is checked, and a policy forbids every connection."""

from dataclasses import dataclass
from html.parser import HTMLParser

from fsl.drift.errors import UnsafeReport

# The drawing library writes styles and runs its own scripts inline; nothing may be fetched or sent.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
)
_EXPECTED = frozenset({"html", "head", "meta", "title", "style", "script", "body", "div"})


@dataclass(frozen=True)
class DriftPages:
    """A window's report, for people and for programs."""

    html: bytes
    json: bytes


def seal_page(html: str, *, n_scripts: int, banner: str = "") -> str:
    """Return the page with a policy that lets it reach nothing outside, and our own banner on top.

    Raises:
        UnsafeReport: it holds other elements, or more scripts, than the drawing library writes, so that a text may
            have become markup; or it names something to load.
    """
    found = _Elements()
    found.feed(html)
    if odd := sorted(set(found.names) - _EXPECTED):
        raise UnsafeReport(f"the elements {', '.join(odd)}")
    if found.names.count("script") != n_scripts:
        raise UnsafeReport(f"{found.names.count('script')} scripts instead of {n_scripts}")
    if found.loads:
        raise UnsafeReport(f"something to load from outside ({found.loads[0][:80]})")
    if "<head>" not in html or "<body>" not in html:
        raise UnsafeReport("no head for a policy to stand in")
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    return html.replace("<head>", f"<head>{policy}", 1).replace("<body>", f"<body>{banner}", 1)


class _Elements(HTMLParser):
    """The elements of a page, and what they would load."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "action", "data"}]
        self.loads += [f"{name}=…" for name, _ in attrs if name.startswith("on")]
