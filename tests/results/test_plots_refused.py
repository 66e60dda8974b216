"""What cannot be drawn, and what drawing leaves as it was."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from research import EC, Domain, Experiment, ResearchResults
from research.results.plots.scales import Scale, categories_of, labels_of, scale_of, spreads_by_log
from research.storage.memory import MemoryStore
from tests.results.questions import fill
from tests.results.small_studies import run

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("seaborn")

from matplotlib import pyplot  # noqa: E402

DRAWN = {
    "curves": lambda plot, **how: plot.curves("y", by="kind", **how),
    "parallel": lambda plot, **how: plot.parallel("y", **how),
    "heatmap": lambda plot, **how: plot.heatmap("a", "kind", "y", **how),
    "scatter": lambda plot, **how: plot.scatter("a", "y", color="kind", **how),
    "importance": lambda plot, **how: plot.importance("y", **how),
}


@pytest.fixture(scope="module")
def results():
    domain = Domain(a=range(1, 7)) * Domain(kind=["x", "y"])
    return run(Experiment().save(EC("a"), "y").save("text", "note").save(np.arange(3), "array"), domain)


@pytest.fixture(autouse=True)
def figures():
    yield
    pyplot.close("all")


@pytest.fixture(params=DRAWN)
def draw(request):
    if request.param == "importance":
        pytest.importorskip("sklearn")
    return DRAWN[request.param]


def test_axes_are_those_that_are_given_and_settings_stay(results, draw):
    before, figure = dict(matplotlib.rcParams), pyplot.figure()
    ax = figure.add_subplot()
    open_figures = pyplot.get_fignums()
    assert draw(results.plot, ax=ax) is ax
    assert pyplot.get_fignums() == open_figures
    own = draw(results.plot).figure
    assert own is not figure
    own.draw_without_rendering()
    assert dict(matplotlib.rcParams) == before
    with pytest.raises(TypeError, match="`ax` must be the Axes of matplotlib to draw into, got 5"):
        draw(results.plot, ax=5)


def test_nothing_to_draw_is_an_error_that_says_so(results, draw):
    with pytest.raises(ValueError, match=r"nothing to draw: of 12 experiments none meets a > 100"):
        draw(results.plot, where="a > 100")
    with pytest.raises(ValueError, match="nothing to draw: the results have no experiments"):
        draw(ResearchResults(fill(MemoryStore(), [])).plot)
    failed = ResearchResults(
        fill(MemoryStore(), [({"a": n, "kind": "x"}, {}) for n in range(3)], variables=["y"])
    )
    with pytest.raises(ValueError, match="nothing to draw: of 3 experiments none has"):
        draw(failed.plot)


def test_misspelt_names_have_near_matches(results):
    plot = results.plot
    for wrong in (
        lambda: plot.curves("z", by="kidn"),
        lambda: plot.curves("y", by=["a", "kidn"]),
        lambda: plot.parallel("y", ["kidn"]),
        lambda: plot.heatmap("kidn", "a", "y"),
        lambda: plot.scatter("a", "y", color="kidn"),
        lambda: plot.scatter("a", "y", kidn=1),
    ):
        with pytest.raises(ValueError, match=r"parameter or variable '(kidn|z)'"):
            wrong()
    with pytest.raises(ValueError, match="'kidn'; did you mean 'kind'"):
        plot.importance("kidn")


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda p: p.curves("a"), ValueError, "curves are of variables, and 'a' is a parameter"),
        (lambda p: p.curves("status"), ValueError, "'status' is what every experiment has"),
        (lambda p: p.curves("note"), ValueError, "of 12 experiments none has a number as 'note'"),
        (lambda p: p.curves("array"), ValueError, "of 12 experiments none has a number as 'array'"),
        (lambda p: p.curves("y", band="sdt"), ValueError, "`band` must be one of .* or None, got 'sdt'"),
        (lambda p: p.curves("y", by="id"), None, None),
        (lambda p: p.curves("y", by=5), TypeError, "`by` must be a name or a list of names, got 5"),
        (lambda p: p.curves(5), TypeError, "what is drawn is named by str, got 5"),
        (lambda p: p.heatmap("a", "kind", "y", how="avg"), ValueError, "one of 'mean', .*, got 'avg'"),
        (lambda p: p.heatmap("a", "kind", "y", how="std"), ValueError, "no cell has .* `how`='std' takes"),
        (lambda p: p.heatmap("a", "kind", "note"), ValueError, "none has a number as 'note'"),
        (lambda p: p.scatter("a", "y", log="kind", color="kind"), ValueError, "'kind', which is no number"),
        (lambda p: p.scatter("a", "y", log=["a", "why"]), ValueError, "`log` has 'why', which is not drawn"),
        (lambda p: p.parallel("y", log=["kind"]), ValueError, "`log` has 'kind', which is no number"),
        (lambda p: p.scatter("a", "y", log=5), TypeError, "`log` must be a name or a list of names"),
        (lambda p: p.importance("y", kind="x", a=[1, 2]), ValueError, "2 experiments have .*: it takes 10"),
        (lambda p: p.parallel("y", kind="x", a=1), None, None),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(results, draw, error, message):
    if error is None:
        draw(results.plot).figure.draw_without_rendering()
        return
    with pytest.raises(error, match=message):
        draw(results.plot)


def test_more_than_eyes_can_tell_apart_is_refused():
    many = run(
        Experiment().save(1, "y"),
        Domain(text=[f"t{n}" for n in range(101)]) @ Domain(n=range(101)),
    )
    with pytest.raises(
        ValueError, match="would be 101 curves, one for each 'text' and 'n', of which 20 at most"
    ):
        many.plot.curves("y")
    assert len(many.plot.curves("y", by="n").lines) == 101
    with pytest.raises(
        ValueError, match=r"`color`='text' has 101 different values that are no numbers, of which 20"
    ):
        many.plot.scatter("n", "y", color="text")
    with pytest.raises(
        ValueError, match="'text' has 101 different values that are no numbers, of which 100 at most"
    ):
        many.plot.heatmap("text", "n", "y")
    with pytest.raises(ValueError, match="'y' is 1 in all experiments"):
        many.plot.importance("y")
    ax = many.plot.scatter("text", "y")
    assert len(ax.get_xticks()) <= 24
    ax.figure.draw_without_rendering()


def test_labels_differ_and_are_short():
    values = [1, "1", 1.0000001, True, None, "", "_x", "$a$", "x" * 50, "x" * 51, (1, 2), len]
    labels = labels_of(values)
    assert labels[:8] == ("1", "'1'", "1.0000001", "True", "missing", "''", "'_x'", r"\$a\$")
    assert len({*labels}) == len(values)
    assert max(map(len, labels)) < 32
    assert labels[10:] == ("(1, 2)", "len")
    assert labels_of(["a\nb", "\ud800"]) == (r"a\nb", r"\ud800")


def test_scales():
    assert scale_of([1, 2.5, None]).labels is None
    np.testing.assert_array_equal(scale_of([1, float("inf"), None]).places, [1, np.nan, np.nan])
    assert scale_of([True, 1]).labels == ("True", "1")
    assert scale_of([None, None]).labels == ("missing",)
    places, known = categories_of(["b", 2, None, 1.0, 1, "a"])
    assert known == [1.0, 2, "a", "b", None]
    assert places.tolist() == [3, 1, 4, 0, 0, 2]
    assert isinstance(scale_of([]), Scale)


def test_scales_are_logarithmic_where_that_spreads_numbers():
    random = np.random.default_rng(0)
    assert spreads_by_log(np.array([1e-4, 1e-3, 1e-2]))
    assert spreads_by_log(10 ** random.uniform(-5, 0, 100))
    assert not spreads_by_log(random.uniform(0, 1, 10_000))
    assert not spreads_by_log(np.array([0.0, 1e-4, 1.0]))
    assert not spreads_by_log(np.array([1.0, 10.0, 50.0]))
    assert not spreads_by_log(np.array([np.nan]))


def test_a_missing_library_is_told_with_its_extra(results, draw, monkeypatch):
    monkeypatch.setattr(
        "research.results.plots.style.find_spec", lambda name: None if name == "seaborn" else 1
    )
    with pytest.raises(ImportError, match=r"plots need seaborn.*pip install 'domain-research\[plot\]'"):
        draw(results.plot)


DRAWING = """
from research import EC, Domain, Research
study = Research(domain=Domain(a=range(12))).save(EC('a'), 'y')
results = study.run(dump_results=False, parallel=False, bar=False).results
import sys
assert not {'matplotlib', 'seaborn', 'sklearn'} & set(sys.modules)
ax = results.plot.scatter('a', 'y')
ax.figure.savefig('picture.png')
"""


def test_no_display_is_needed_even_if_one_is_asked_for(tmp_path):
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    done = subprocess.run(
        [sys.executable, "-c", DRAWING],
        env={**environment, "MPLBACKEND": "tkagg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
