"""Small line charts as SVG, drawn by hand: crisp at any size, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 52
INK, GRID = "#6b7280", "#9ca3af55"
COLOURS = ("#2563eb", "#d97706", "#dc2626", "#059669", "#7c3aed")
TICKS = 5

Numbers = Sequence[float]


@dataclass(frozen=True)
class Line:
    """A named line; with a band, the space between two others is shaded; dashed ones are for comparison."""

    name: str
    x: Numbers
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    dashed: bool = False
    marked: bool = False  # with a point at every value


@dataclass(frozen=True)
class Chart:
    """One picture."""

    title: str
    x: str
    y: str
    lines: Sequence[Line]
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    notes: Sequence[str] = field(default=())  # under the legend
    legend_below: bool = False  # at the foot, where lines start at the top

    def svg(self) -> str:
        """The whole document."""
        across, up = self._ranges()
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="system-ui, sans-serif" font-size="13" fill="{INK}" role="img">',
            f"<title>{escape(self.title)}</title>",
            f'<text x="{LEFT}" y="22" font-size="15" font-weight="600">{escape(self.title)}</text>',
            *self._grid(across, up),
        ]
        for k, line in enumerate(self.lines):
            parts += _drawn(line, COLOURS[k % len(COLOURS)], across, up)
        parts += self._legend()
        return "\n".join((*parts, "</svg>\n"))

    def _ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        xs = [value for line in self.lines for value in line.x]
        ys = [value for line in self.lines for column in (line.y, line.low, line.high) for value in column or ()]
        return self.x_range or _span(xs, 0.0), self.y_range or _span(ys, 0.05)

    def _grid(self, across: tuple[float, float], up: tuple[float, float]) -> list[str]:
        parts = []
        for value in _ticks(up):
            y = _up(value, up)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
        for value in _ticks(across):
            x = _across(value, across)
            parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{value:g}</text>')
        middle = (TOP + HEIGHT - BOTTOM) / 2
        parts.append(
            f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(self.x)}</text>'
        )
        parts.append(
            f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{escape(self.y)}</text>'
        )
        return parts

    def _legend(self) -> list[str]:
        parts = []
        rows = len(self.lines) + len(self.notes)
        top = HEIGHT - BOTTOM - 18 * rows if self.legend_below else TOP
        for k, line in enumerate(self.lines):
            y = top + 14 + 18 * k
            dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
            parts.append(
                f'<path d="M{LEFT + 12} {y - 4}h22" stroke="{COLOURS[k % len(COLOURS)]}" stroke-width="2"{dashes}/>'
            )
            parts.append(f'<text x="{LEFT + 42}" y="{y}">{escape(line.name)}</text>')
        for k, note in enumerate(self.notes, start=len(self.lines)):
            parts.append(f'<text x="{LEFT + 12}" y="{top + 14 + 18 * k}">{escape(note)}</text>')
        return parts


def _drawn(line: Line, colour: str, across: tuple[float, float], up: tuple[float, float]) -> list[str]:
    def points(values: Numbers) -> list[str]:
        return [f"{_across(x, across):.1f} {_up(y, up):.1f}" for x, y in zip(line.x, values, strict=True)]

    parts = []
    if line.low is not None and line.high is not None:
        outline = [*points(line.low), *reversed(points(line.high))]
        parts.append(f'<path d="M{"L".join(outline)}Z" fill="{colour}" fill-opacity=".15"/>')
    dashes = ' stroke-dasharray="5 4"' if line.dashed else ""
    parts.append(f'<path d="M{"L".join(points(line.y))}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>')
    if line.marked:
        for point in points(line.y):
            x, y = point.split()
            parts.append(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>')
    return parts


def _across(value: float, span: tuple[float, float]) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (value - span[0]) / (span[1] - span[0])


def _up(value: float, span: tuple[float, float]) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - span[0]) / (span[1] - span[0])


def _span(values: Numbers, margin: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low or 1.0) * margin
    return low - room, high + room if high > low else low + 1.0


def _ticks(span: tuple[float, float]) -> list[float]:
    """Round values inside a span, about TICKS of them."""
    rough = (span[1] - span[0]) / TICKS
    size = 10.0 ** len(str(int(1 / rough))) if rough < 1 else 1.0
    decade = 1.0
    while decade * 10 <= rough * size:
        decade *= 10
    step = next(m * decade / size for m in (1, 2, 5, 10) if m * decade / size >= rough * 0.999)
    first = -(-span[0] // step)
    return [round((first + k) * step, 10) for k in range(int((span[1] - first * step) / step + 1e-9) + 1)]
