"""What was measured as one picture: each figure as a share of its target, SVG without a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from xml.sax.saxutils import escape

from bench.measurement import Measurement

WIDTH, ROW, LABELS, SCALE = 990, 22, 420, 300  # px; SCALE: as wide as the target
COLOURS = ("#2d6a9f", "#c98a2b", "#2f7d4f", "#7a5195", "#8a8a8a")
MOST = 1.4  # bars end here; their figures stand behind that


def svg(measurements: Sequence[Measurement], spreads: Sequence[tuple[float, float]] = ()) -> str:
    """A bar for each figure with a target. Up to the line is within it; `≥` targets are drawn upside down (target ÷
    figure), so that shorter is always better. `spreads`: the least and the most of each figure in several runs, drawn
    as a line over its bar."""
    lasted = spreads or [(one.judged, one.judged) for one in measurements]
    judged = [
        (one, spread)
        for one, spread in zip(measurements, lasted, strict=True)
        if one.holds is not None and used(one) is not None
    ]
    lines = _head("Each benchmark's figure as a share of its target", ROW * len(judged) + 40)
    for number, (one, spread) in enumerate(judged):
        lines += [*_bar(one, 10 + ROW * number), _whisker(one, spread, 10 + ROW * number)]
    end = 10 + ROW * len(judged)
    lines += [
        f'<line x1="{LABELS + SCALE}" y1="6" x2="{LABELS + SCALE}" y2="{end}" stroke="#444" stroke-dasharray="3 3"/>',
        f'<text x="{LABELS + SCALE}" y="{end + 16}" text-anchor="middle" fill="#222">target</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def used(one: Measurement) -> float | None:
    """How much of its target a figure uses: 1.0 is all. None where the target is nothing at all."""
    if one.at_most is not None:
        return one.judged / one.at_most if one.at_most else None
    return one.at_least / one.judged if one.at_least and one.judged else None


def _bar(one: Measurement, top: int) -> list[str]:
    share = used(one) or 0.0
    colour = "#2f7d4f" if one.holds else "#b3402f"
    label = escape(f"{one.bench}: {one.what}")
    figure = escape(
        f"{one.judged:.3g} ({one.target})" if one.reference else f"{one.value:.3g} {one.unit} ({one.target})"
    )
    width = SCALE * min(share, MOST)
    return [
        f'<text x="{LABELS - 8}" y="{top + 14}" text-anchor="end" fill="#222">{label}</text>',
        f'<rect x="{LABELS}" y="{top + 3}" width="{width:.1f}" height="{ROW - 6}" fill="{colour}"/>',
        f'<text x="{LABELS + SCALE * MOST + 8:.0f}" y="{top + 14}" fill="#222">{figure}</text>',
    ]


def _whisker(one: Measurement, spread: tuple[float, float], top: int) -> str:
    ends = [LABELS + SCALE * min(used(replace(one, value=judged, reference=None)) or 0.0, MOST) for judged in spread]
    middle = top + ROW / 2
    return f'<line x1="{ends[0]:.1f}" y1="{middle}" x2="{ends[1]:.1f}" y2="{middle}" stroke="#111" stroke-width="2"/>'


def stacked(title: str, bars: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """A bar for each label, of the parts that it consists of, all in `unit`; the widest is as wide as there is room."""
    widest = max(sum(parts.values()) for parts in bars.values()) or 1.0
    names = list(dict.fromkeys(name for parts in bars.values() for name in parts))
    colours = dict(zip(names, COLOURS, strict=False))
    lines = _head(title, ROW * (len(bars) + 1) + 20)
    for number, name in enumerate(names):
        x = LABELS + 110 * number
        lines += [
            f'<rect x="{x}" y="8" width="12" height="12" fill="{colours[name]}"/>',
            f'<text x="{x + 18}" y="18" fill="#222">{escape(name)}</text>',
        ]
    for number, (label, parts) in enumerate(bars.items(), start=1):
        top, x = 10 + ROW * number, float(LABELS)
        lines.append(f'<text x="{LABELS - 8}" y="{top + 14}" text-anchor="end" fill="#222">{escape(label)}</text>')
        for name, value in parts.items():
            width = SCALE * MOST * value / widest
            lines.append(
                f'<rect x="{x:.1f}" y="{top + 3}" width="{width:.1f}" height="{ROW - 6}" fill="{colours[name]}"/>'
            )
            x += width
        lines.append(f'<text x="{x + 8:.1f}" y="{top + 14}" fill="#222">{sum(parts.values()):.2f} {unit}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _head(title: str, height: int) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'role="img" font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
