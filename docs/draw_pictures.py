"""Draws the pictures of the chapter on the algebra from what the library does.

Run `python docs/draw_pictures.py` after a change of either.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from research import Config, Domain

COLORS = {"a": "#4c78a8", "b": "#f58518", "c": "#54a24b", "d": "#b279a2"}
CELL, GAP, LINE = 26, 8, 44  # pixels
LABEL = 250  # width of the expressions

FADED = 0.15


def chip(config: Config, x: float, y: float, opacity: float = 1.0) -> tuple[str, float]:
    """Draw a config as a row of cells, one for each parameter; return it with its width."""
    parts = []
    for number, (name, value) in enumerate(config.items()):
        left = x + number * CELL
        parts.append(
            f'<rect x="{left}" y="{y}" width="{CELL}" height="{CELL}" rx="4" fill="{COLORS[name]}"/>'
            f'<text x="{left + CELL / 2}" y="{y + CELL / 2 + 5}" fill="white" text-anchor="middle">'
            f"{value}</text>"
        )
    return f'<g opacity="{opacity}">{"".join(parts)}</g>', CELL * max(len(config), 1)


def row(label: str, configs: Iterable[Config], y: float, shown: set[int] | None = None) -> tuple[str, float]:
    """Draw an expression and its configs, those that are not shown faded; return it with its width."""
    text = label.replace("&", "&amp;").replace("<", "&lt;")
    parts = [f'<text x="0" y="{y + CELL / 2 + 5}" class="code">{text}</text>']
    x: float = LABEL
    for number, config in enumerate(configs):
        drawn, width = chip(config, x, y, 1.0 if shown is None or number in shown else FADED)
        parts.append(drawn)
        x += width + GAP
    return "".join(parts), x


def picture(rows: Sequence[tuple[object, ...]]) -> str:
    """Draw rows of expressions with their configs."""
    parts, width = [], 0.0
    for number, (label, configs, *shown) in enumerate(rows):
        drawn, right = row(str(label), configs, number * LINE, *shown)  # type: ignore[arg-type]
        parts.append(drawn)
        width = max(width, right)
    height = len(rows) * LINE - (LINE - CELL)
    return svg(width, height, parts)


def scatter(panels: Sequence[tuple[str, Domain]], side: int = 200) -> str:
    """Draw domains of two parameters as points."""
    parts = []
    for number, (label, domain) in enumerate(panels):
        left = number * (side + 40)
        parts.append(f'<text x="{left}" y="14" class="code">{label}</text>')
        parts.append(f'<rect x="{left}" y="24" width="{side}" height="{side}" class="frame"/>')
        for config in domain:
            x, y = left + config["a"] * side, 24 + (1 - config["b"]) * side
            parts.append(f'<circle cx="{x:.2f}" cy="{y:.2f}" r="3" fill="{COLORS["a"]}"/>')
    return svg(len(panels) * (side + 40) - 40, side + 26, parts)


def svg(width: float, height: float, parts: Iterable[str]) -> str:
    """Put drawings together."""
    style = "text{font:13px sans-serif}.code{font-family:monospace;fill:#777}.frame{fill:none;stroke:#999}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}"><style>{style}</style>{"".join(parts)}</svg>\n'
    )


def pictures() -> dict[str, str]:
    """Return all pictures by their names."""
    a, b = Domain(a=[1, 2, 3]), Domain(b=["x", "y", "z"])
    two = Domain(b=["x", "y"])
    operands = [("a", a), ("b", two)]
    grid = a * two
    numbers = list(range(len(grid)))
    square = Domain(a=[1, 2, 3], b=[1, 2, 3])
    below = [config in square.where(lambda a, b: a < b) for config in square]
    left = Domain(a=[1, 2, 3, 4, 5, 6])
    evenly = [Domain.quasi(64, method, 1, a=(0, 1), b=(0, 1)) for method in ("sobol", "lhs")]
    random = _random_points()
    return {
        "sum": picture([*operands, ("a + b", a + two)]),
        "product": picture([*operands, ("a * b", a * two)]),
        "zip": picture([("a", a), ("b", b), ("a @ b", a @ b)]),
        "weights": picture([("a", left), ("b", two), ("0.75 * a + 0.25 * b", 0.75 * left + 0.25 * two)]),
        "slice": picture(
            [("d", grid), ("d[1:4]", grid, set(numbers[1:4])), ("d[::2]", grid, set(numbers[::2]))]
        ),
        "where": picture(
            [
                ("d", square),
                ("d.where(lambda a, b: a < b)", square, {index for index in range(9) if below[index]}),
            ]
        ),
        "shuffle": picture(
            [
                ("d", grid),
                ("d.shuffle(seed=1)", grid.shuffle(seed=1)),
                ("d.sample(2, seed=1)", grid.sample(2, 1)),
            ]
        ),
        "shard": picture([("d", grid), *((f"d.shard({k}, 3)", grid, set(numbers[k::3])) for k in range(3))]),
        "difference": picture(
            [
                ("d", grid),
                ("e", grid[2:5]),
                ("d - e", grid, {number for number in numbers if grid[number] in grid - grid[2:5]}),
            ]
        ),
        "unique": picture(
            [("d", Domain(a=[1, 2, 1, 3, 2])), ("d.unique()", Domain(a=[1, 2, 1, 3, 2]).unique())]
        ),
        "star": picture(
            [("Domain.star(center, ...)", Domain.star({"a": 1, "b": "x"}, a=[1, 2, 3], b=["x", "y"]))]
        ),
        "quasi": scatter([("random", random), ("sobol", evenly[0]), ("lhs", evenly[1])]),
    }


def _random_points() -> Domain:
    from samplers import NumpySampler

    points = NumpySampler("uniform", dim=2, seed=1).sample(64).tolist()
    return Domain([{"a": a, "b": b} for a, b in points])


def main(folder: Path) -> None:
    """Write all pictures into a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in pictures().items():
        (folder / f"{name}.svg").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pictures")
