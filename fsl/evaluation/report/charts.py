"""Small drawings for the run's page, as inline SVG whose colours come from the page's style sheet."""

from fsl.evaluation.comparison.compare import Comparison
from fsl.evaluation.scores.calibration import Calibration
from fsl.evaluation.scores.intervals import Interval
from fsl.pages.markup import Markup, tag
from fsl.pages.words import percent, percent_range, points, points_range


def draw_difference(found: Comparison, margin: float) -> Markup:
    """Return the difference with its interval, against zero and against the margin below it."""
    width, height, middle = 640.0, 92.0, 44.0
    ends = (found.interval.low, found.interval.high, -margin, 0.0)
    low, high = min(ends), max(ends)
    pad = 0.12 * (high - low)
    low, high = low - pad, high + pad

    def x(value: float) -> float:
        return 16 + (width - 32) * (value - low) / (high - low)

    parts = [
        tag("rect", x=16, y=18, width=x(-margin) - 16, height=52, class_="zone-worse"),
        tag("line", x1=16, y1=middle, x2=width - 16, y2=middle, class_="axis"),
        tag("line", x1=x(-margin), y1=14, x2=x(-margin), y2=74, class_="mark-margin"),
        tag("line", x1=x(0), y1=14, x2=x(0), y2=74, class_="mark-zero"),
        tag("line", x1=x(found.interval.low), y1=middle, x2=x(found.interval.high), y2=middle, class_="whisker"),
        *(
            tag("line", x1=x(end), y1=middle - 7, x2=x(end), y2=middle + 7, class_="whisker")
            for end in (found.interval.low, found.interval.high)
        ),
        tag("circle", cx=x(found.difference), cy=middle, r=6, class_="point"),
        tag("text", "margin", x=x(-margin), y=88, class_="tick"),
        tag("text", "no difference", x=x(0), y=88, class_="tick"),
        tag("text", points(found.difference), x=x(found.difference), y=middle - 14, class_="value"),
    ]
    words = (
        f"Difference {points(found.difference)}, interval {points_range(found.interval.low, found.interval.high)}, "
        f"margin {points(-margin)}"
    )
    return tag("svg", *parts, viewBox=f"0 0 {width:g} {height:g}", class_="wide", role="img", aria_label=words)


def draw_share(share: float, interval: Interval) -> Markup:
    """Return a share as a bar with its interval, small enough for a table's cell."""
    parts = [
        tag("rect", x=0, y=5, width=100, height=6, rx=3, class_="bar-rest"),
        tag("rect", x=0, y=5, width=100 * share, height=6, rx=3, class_="bar"),
        tag("line", x1=100 * interval.low, y1=8, x2=100 * interval.high, y2=8, class_="bar-whisker"),
    ]
    words = f"{percent(share)}, interval {percent_range(interval.low, interval.high)}"
    return tag("svg", *parts, viewBox="0 0 100 16", class_="cell-bar", role="img", aria_label=words)


def draw_calibration(challenger: Calibration, champion: Calibration | None) -> Markup:
    """Return accuracy against confidence; on the diagonal a model is as often right as it says."""
    size, pad = 300.0, 34.0

    def place(confidence: float, accuracy: float) -> tuple[float, float]:
        inner = size - 2 * pad
        return pad + inner * confidence, size - pad - inner * accuracy

    def dots(calibration: Calibration, css_class: str) -> list[Markup]:
        most = max(one.n_rows for one in calibration.bins)
        drawn = []
        for one in calibration.bins:
            cx, cy = place(one.confidence, one.accuracy)
            words = f"says {percent(one.confidence)}, right {percent(one.accuracy)} of {one.n_rows} rows"
            radius = 3 + 4 * (one.n_rows / most) ** 0.5
            drawn.append(tag("circle", tag("title", words), cx=cx, cy=cy, r=radius, class_=css_class))
        return drawn

    (x0, y0), (x1, y1) = place(0, 0), place(1, 1)
    middle = size / 2
    parts = [
        tag("rect", x=x0, y=y1, width=x1 - x0, height=y0 - y1, class_="frame"),
        tag("line", x1=x0, y1=y0, x2=x1, y2=y1, class_="mark-zero"),
        *(dots(champion, "dot-champion") if champion else []),
        *dots(challenger, "dot-challenger"),
        tag("text", "confidence", x=middle, y=size - 6, class_="tick"),
        tag("text", "accuracy", x=12, y=middle, class_="tick", transform=f"rotate(-90 12 {middle:g})"),
        *(tag("text", words, x=x, y=size - pad + 14, class_="tick") for words, x in (("0%", x0), ("100%", x1))),
    ]
    return tag(
        "svg", *parts, viewBox=f"0 0 {size:g} {size:g}", class_="square", role="img", aria_label="Calibration plot"
    )
