"""Charts drawn by the server: the geometry of two bars per day, pure.

Units   pixels of the chart's own box, which the page scales; values are whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 960
HEIGHT = 240
LEFT = 8
BOTTOM = 24  # below the bars, for the days
TOP = 8
DAYS_NAMED_MAX = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar's box."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Day:
    """One day's two bars, and its name where there is room for it."""

    sales: Bar
    gifts: Bar
    middle: float
    label: str


def days(sales: Sequence[int], gifts: Sequence[int], labels: Sequence[str]) -> list[Day]:
    """Return the bars of each day, each series against its own highest day."""
    assert len(sales) == len(gifts) == len(labels)
    if not labels:
        return []
    step = (WIDTH - 2 * LEFT) / len(labels)
    width = min(step * 0.36, 28.0)
    named_every = -(-len(labels) // DAYS_NAMED_MAX)
    found: list[Day] = []
    for index, label in enumerate(labels):
        middle = LEFT + step * (index + 0.5)
        found.append(
            Day(
                sales=bar(middle - width, width, sales[index], max(sales)),
                gifts=bar(middle, width, gifts[index], max(gifts)),
                middle=round(middle, 1),
                label=label if index % named_every == 0 else "",
            )
        )
    return found


def bar(x: float, width: float, value: int, highest: int) -> Bar:
    """Return the box of a bar; what is not nothing can be seen."""
    room = HEIGHT - TOP - BOTTOM
    height = room * value / highest if highest else 0.0
    if value > 0:
        height = max(height, 2.0)
    return Bar(
        round(x, 1), round(HEIGHT - BOTTOM - height, 1), round(width - 1, 1), round(height, 1)
    )
