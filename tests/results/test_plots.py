"""What is drawn, read back from the axes, against what pandas makes of the table of results."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from research import EC, Domain, E, Experiment, ResearchResults
from research.storage.memory import MemoryStore
from tests.results.questions import fill
from tests.results.small_studies import run

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("seaborn")

from matplotlib import pyplot  # noqa: E402


@pytest.fixture(autouse=True)
def figures():
    """Forget figures."""
    yield
    pyplot.close("all")


def texts(labels):
    return [label.get_text() for label in labels]


def ticks(axis):
    return dict(zip(texts(axis.get_ticklabels()), axis.get_ticklocs().tolist(), strict=True))


def of(*experiments):
    """Return results of experiments, pairs of a config and last values."""
    return ResearchResults(fill(MemoryStore(), experiments))


@pytest.fixture(scope="module")
def learning():
    """Return results of 2 x 3 configs, four times each, of which some end early and some fail."""

    def steps(rate, kind, random):
        for step in range(30):
            if kind == "b" and step > 20 and random.random() < 0.2:
                raise RuntimeError("it has diverged")
            if rate == 0.1 and step > 25 and random.random() < 0.3:
                return
            yield {"loss": rate * step + random.normal() if step % 7 else math.nan, "note": "text"}

    experiment = Experiment().add_generator(
        "steps", steps, rate=EC("rate"), kind=EC("kind"), random=E().random, save_output_dict=True
    )
    return run(experiment, Domain(rate=[1.0, 0.1, 10.0], kind=["b", "a"]), n_reps=4, seed=3)


@pytest.mark.parametrize("band", ["std", "sem", "range"])
@pytest.mark.parametrize("by", ["rate", "kind", ["kind", "rate"], []])
def test_curves_are_means_and_bands_those_of_pandas(learning, by, band):
    ax = learning.plot.curves("loss", by=by, band=band)
    names = [by] if isinstance(by, str) else by
    frame = learning.df.dropna(subset="loss").assign(all=0)
    expected = list(frame.groupby(names or ["all"]))
    assert len(ax.lines) == len(ax.collections) == len(expected)
    for line, area, (_, group) in zip(ax.lines, ax.collections, expected, strict=True):
        found = group.groupby("iteration")["loss"].agg(["mean", "std", "sem", "min", "max"])
        assert line.get_xdata().tolist() == found.index.tolist()
        np.testing.assert_allclose(line.get_ydata(), found["mean"])
        low, high = found["mean"] - found.get(band, 0), found["mean"] + found.get(band, 0)
        if band == "range":
            low, high = found["min"], found["max"]
        drawn = pd.DataFrame(np.concatenate([path.vertices for path in area.get_paths()]), columns=["x", "y"])
        limits = drawn.groupby("x")["y"].agg(["min", "max"])
        np.testing.assert_allclose(limits["min"], low[limits.index])
        np.testing.assert_allclose(limits["max"], high[limits.index])
        assert set(limits.index) == set(found.index[found["std"].notna()])
    if names:
        labels = [
            ", ".join(f"{part:g}" if isinstance(part, float) else part for part in key) for key, _ in expected
        ]
        assert texts(ax.get_legend().get_texts()) == labels
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("iteration", "loss")


def test_lines_are_repetitions_where_nothing_else_is_said(learning):
    ax = learning.plot.curves("loss", band=None)
    assert len(ax.lines) == 6
    assert not ax.collections
    assert texts(ax.get_legend().get_texts()) == ["0.1, a", "0.1, b", "1, a", "1, b", "10, a", "10, b"]
    styles = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(styles) == 6
    alone = learning.plot.curves("loss", where="repetition = 0", kind="a")
    assert not alone.collections  # of one experiment there is no spread


def test_questions_choose_what_is_drawn(learning):
    ax = learning.plot.curves("loss", by="rate", where="kind = 'a' and status = 'done'", rate=[0.1, 10])
    frame = learning.df
    for line, rate in zip(ax.lines, (0.1, 10.0), strict=True):
        expected = frame[(frame["kind"] == "a") & (frame["rate"] == rate)].groupby("iteration")["loss"].mean()
        np.testing.assert_allclose(line.get_ydata(), expected.dropna())
    kept = ResearchResults(learning.store).load(iterations=[1, 2], config={"kind": "b"})
    assert kept.plot.curves("loss", by=[]).lines[0].get_xdata().tolist() == [1, 2]


def test_long_curves_are_thinned_to_points_of_theirs_with_every_spike():
    values = np.sin(np.arange(20_000) / 500)
    values[[777, 15_001]] = 9.0, -9.0
    results = run(Experiment().add_generator("g", lambda: iter(values), save_to="y"), n_iters=20_000)
    (line,) = results.plot.curves("y").lines
    x, y = line.get_xdata().astype(int), line.get_ydata()
    assert 500 < len(x) <= 1002
    assert (x[0], x[-1]) == (0, 19_999)
    assert {777, 15_001} <= set(x)
    np.testing.assert_array_equal(y, values[x])


def test_what_is_infinite_is_a_gap_and_what_is_saved_once_a_point():
    values = [1.0, math.inf, 3.0, math.nan, 2**2000]
    results = run(
        Experiment().add_generator("g", lambda: iter(values), save_to="y").save(5, "z", when="last"), n_reps=2
    )
    (line,) = results.plot.curves("y").lines
    assert line.get_xdata().tolist() == [0, 1, 2, 4]
    np.testing.assert_array_equal(line.get_ydata(), [1, np.nan, 3, np.nan])
    (point,) = results.plot.curves("z").lines
    assert (point.get_xdata().tolist(), point.get_ydata().tolist(), point.get_marker()) == ([5], [5], "o")


@pytest.mark.parametrize("count", [10, 11])
def test_many_numbers_have_a_bar_of_colors(count):
    results = run(Experiment().save(EC("lr"), "y"), Domain(lr=[10.0**-n for n in range(count)]))
    ax = results.plot.curves("y", by="lr")
    assert len({tuple(line.get_color()) for line in ax.lines}) == count
    assert [line.get_ydata()[0] for line in ax.lines] == sorted(10.0**-n for n in range(count))
    assert (ax.get_legend() is None) == (count > 10)
    assert texts(axes.yaxis.label for axes in ax.figure.axes[1:]) == ["lr"] * (count > 10)


KINDS = [
    {"a": 1, "b": "x", "c": True, "d": None, "lr": 1e-5, "y": 0.1},
    {"a": 2.0, "b": 3, "c": False, "d": 5, "lr": 1e-3, "y": 0.2},
    {"a": None, "b": "_z$", "c": True, "lr": 1e-1, "y": 0.3},
    {"a": 4, "b": "x", "c": False, "d": 7, "lr": 1e-2, "y": math.nan},
    {"a": 4, "b": "x", "c": False, "d": 7, "lr": 1e-4},
]


@pytest.fixture(scope="module")
def mixed():
    pairs = [
        ({k: v for k, v in own.items() if k != "y"}, {k: v for k, v in own.items() if k == "y"})
        for own in KINDS
    ]
    return of(*pairs)


def test_scatter_has_numbers_where_they_are(mixed):
    ax = mixed.plot.scatter("a", "y")
    assert ax.collections[0].get_offsets().tolist() == [[1, 0.1], [2, 0.2]]
    assert (ax.get_xscale(), ax.get_xlabel(), ax.get_ylabel()) == ("linear", "a", "y")
    ax = mixed.plot.scatter("lr", "y")
    assert ax.get_xscale() == "log"
    assert mixed.plot.scatter("lr", "y", log=[]).get_xscale() == "linear"
    assert mixed.plot.scatter("a", "y", log="a").get_xscale() == "log"


def test_scatter_has_places_for_what_is_no_number(mixed):
    ax = mixed.plot.scatter("b", "y")
    assert ticks(ax.xaxis) == {"3": 0, r"'_z\$'": 1, "x": 2}
    found = ax.collections[0].get_offsets()
    assert np.round(found[:, 0]).tolist() == [2, 0, 1]
    assert found[:, 1].tolist() == [0.1, 0.2, 0.3]
    assert ticks(mixed.plot.scatter("c", "y").xaxis) == {"False": 0, "True": 1}


def test_points_of_one_category_stand_side_by_side():
    results = of(*(({"k": "one", "n": n}, {"y": 1.0}) for n in range(50)))
    found = results.plot.scatter("k", "y").collections[0].get_offsets()[:, 0]
    assert np.abs(found).max() <= 0.2
    assert np.diff(np.sort(found)).min() > 0.002


def test_colors_of_points(mixed):
    ax = mixed.plot.scatter("lr", "y", color="b")
    assert texts(ax.get_legend().get_texts()) == ["3", r"'_z\$'", "x"]
    assert [len(item.get_offsets()) for item in ax.collections] == [1, 1, 1]
    assert len({tuple(item.get_facecolor()[0]) for item in ax.collections}) == 3
    crosses, points = mixed.plot.scatter("lr", "y", color="a").collections
    assert crosses.get_offsets().tolist() == [[1e-1, 0.3]]  # has no `a`
    assert points.get_offsets()[:, 1].tolist() == [0.1, 0.2]
    assert len({tuple(color) for color in points.get_facecolor()}) == 2


def test_heatmap_has_the_cells_of_pandas(learning):
    frame = learning.select("rate", "kind", "loss", "repetition")
    for how in ("mean", "median", "min", "max", "std", "count"):
        ax = learning.plot.heatmap("rate", "kind", "loss", how=how)
        expected = frame.pivot_table(index="kind", columns="rate", values="loss", aggfunc=how)
        np.testing.assert_allclose(ax.collections[0].get_array().reshape(2, 3), expected)
        assert ticks(ax.xaxis) == {"0.1": 0.5, "1": 1.5, "10": 2.5}
        assert ticks(ax.yaxis) == {"a": 0.5, "b": 1.5}
        written = [float(text.get_text()) for text in ax.texts]
        assert written == pytest.approx(expected.to_numpy().ravel(), abs=expected.abs().max().max() / 100)
        assert ax.get_ylim() == (0, 2)  # the first is below
        assert ax.figure.axes[1].get_ylabel() == ("loss" if how == "mean" else f"{how} of loss")


def test_cells_without_numbers_stay_empty(mixed):
    ax = mixed.plot.heatmap("b", "d", "y")
    found = ax.collections[0].get_array().reshape(3, 3)
    assert (list(ticks(ax.xaxis)), list(ticks(ax.yaxis))) == (["3", r"'_z\$'", "x"], ["5", "7", "missing"])
    assert found.mask.tolist() == [[False, True, True], [True, True, True], [True, False, False]]
    assert found.compressed().tolist() == [0.2, 0.3, 0.1]


def test_many_numbers_of_a_heatmap_are_put_together():
    random = np.random.default_rng(1)
    drawn = zip(10 ** random.uniform(-6, 0, 2000), random.uniform(size=2000), strict=True)
    rows = [({"lr": float(lr), "w": float(w), "n": n}, {"y": 1.0}) for n, (lr, w) in enumerate(drawn)]
    del rows[0][0]["w"]
    ax = of(*rows).plot.heatmap("lr", "w", "y", how="count")
    frame = pd.DataFrame([{**config, **values} for config, values in rows])
    logs = np.log10(frame["lr"])
    edges = [np.linspace(column.min(), column.max(), 13) for column in (logs, frame["w"])]
    expected, _, _ = np.histogram2d(frame["w"].dropna(), logs[1:], bins=[edges[1], edges[0]])
    found = ax.collections[0].get_array().reshape(13, 12).filled(0)
    assert found.sum() == 2000
    assert found[12].sum() == 1
    assert np.abs(found[:12] - expected).sum() <= 2  # (where a number is an edge)
    assert list(ticks(ax.yaxis))[-1] == "missing"
    assert ticks(ax.xaxis)[f"{10 ** edges[0][6]:.3g}"] == 6


def lines_of(ax):
    """Return heights of lines, and labels of axes with theirs."""
    lines = np.array(ax.collections[0].get_segments())
    labels = [{} for _ in ax.get_xticks()]
    for text in ax.texts:
        labels[round(text.xy[0])][text.get_text()] = text.xy[1]
    return lines[:, :, 1], dict(zip(texts(ax.get_xticklabels()), labels, strict=True))


def test_parallel_lines_go_through_the_values_of_their_experiments(mixed):
    heights, labels = lines_of(mixed.plot.parallel("y", ["b", "a", "lr", "c"]))
    assert list(labels) == ["b", "a", "lr", "c", "y"]
    assert heights.shape == (3, 5)
    assert labels["b"] == {"3": 0, r"'_z\$'": 0.5, "x": 1}
    assert labels["a"].keys() == {"missing", "1", "2", "4"}
    assert labels["a"]["missing"] < 0 == labels["a"]["1"] < labels["a"]["4"] == 1
    assert labels["lr"] == pytest.approx({f"{10.0**-n:g}": (5 - n) / 4 for n in range(1, 6)})
    names = [["x", "1", "1e-05", "True"], ["3", "2", "0.001", "False"], [r"'_z\$'", "missing", "0.1", "True"]]
    for own, line in zip(names, heights, strict=True):
        places = [labels[name][value] for name, value in zip(["b", "a", "lr", "c"], own, strict=True)]
        np.testing.assert_allclose(line[:4], places, atol=0.026)  # lines of one value are fanned out
    frame = np.array([0.1, 0.2, 0.3])
    np.testing.assert_allclose(heights[:, 4], (frame - 0.1) / 0.2, atol=1e-9)


def test_of_many_lines_some_are_drawn_evenly_and_the_ends_for_sure():
    results = of(*(({"a": n % 7, "b": n}, {"y": float(n * n)}) for n in range(3000)))
    heights, labels = lines_of(results.plot.parallel("y"))
    assert heights.shape == (1000, 3)
    assert (heights[0, 2], heights[-1, 2]) == (0, 1)
    gaps = np.diff(heights[:, 1]) * 2999
    assert set(np.round(gaps).tolist()) <= {3, 4}
    assert [*labels] == ["a", "b", "y"]


def test_importance_finds_what_matters():
    pytest.importorskip("sklearn")
    random = np.random.default_rng(2)
    kinds = ["x", "y", None, 3, True]
    rows = [
        (
            {"strong": float(a), "weak": kinds[k], "none": float(c), "same": 1},
            {"y": 10 * a + k + 0.01 * random.normal()},
        )
        for a, k, c in zip(random.random(150), random.integers(5, size=150), random.random(150), strict=True)
    ]
    results = of(*rows, ({"strong": 0.5, "weak": "x", "none": 0.0, "same": 1}, {}))
    ax = results.plot.importance("y")
    bars = dict(zip(texts(ax.get_yticklabels()), [bar.get_width() for bar in ax.patches], strict=True))
    assert list(bars) == ["none", "weak", "strong"]
    assert bars["strong"] > 0.5 > bars["weak"] > 0.05
    assert abs(bars["none"]) < 0.02
    again = [bar.get_width() for bar in results.plot.importance("y").patches]
    assert again == list(bars.values())


def test_columns_that_are_made_of_others_are_drawn_too(learning):
    results = learning.with_column("doubled", lambda row: 2 * row["loss"])
    ax = results.plot.curves("doubled", by="kind", rate=10)
    expected = learning.df.query("rate == 10").groupby(["kind", "iteration"])["loss"].mean().dropna()
    for line, kind in zip(ax.lines, "ab", strict=True):
        np.testing.assert_allclose(line.get_ydata(), 2 * expected[kind])
    points = results.plot.scatter("loss", "doubled").collections[0].get_offsets()
    np.testing.assert_allclose(points[:, 1], 2 * points[:, 0])
