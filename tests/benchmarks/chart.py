"""A bar chart as SVG, by hand. Pure."""

from collections.abc import Sequence
from html import escape

from tests.benchmarks.report import Bars

_WIDTH, _LABEL, _VALUE, _ROW, _TITLE = 760, 250, 110, 28, 44
_STYLE = (
    "text{font:14px system-ui,sans-serif;fill:#1f2937}.title{font-weight:600}.bar{fill:#2563eb}"
    "@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.bar{fill:#60a5fa}}"
)


def chart(panels: Sequence[Bars]) -> str:
    """Each panel has its own scale."""
    parts, top = [], 0
    for panel in panels:
        parts.append(f'<text class="title" x="8" y="{top + 28}">{escape(panel.title)}</text>')
        top += _TITLE
        longest = max(value for _, value in panel.values)
        for name, value in panel.values:
            parts += _bar(top, name, value, longest, panel.unit)
            top += _ROW
    header = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + 8}" role="img">'
    return "\n".join([header, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def _bar(top: int, name: str, value: float, longest: float, unit: str) -> list[str]:
    width = max((_WIDTH - _LABEL - _VALUE) * value / longest, 1)
    return [
        f'<text x="{_LABEL - 8}" y="{top + 16}" text-anchor="end">{escape(name)}</text>',
        f'<rect class="bar" x="{_LABEL}" y="{top + 3}" width="{width:.0f}" height="18" rx="2"/>',
        f'<text x="{_LABEL + width + 8:.0f}" y="{top + 16}">{value:,.3g} {escape(unit)}</text>',
    ]
