"""Domains as tables: what the parameters are, the first configs, what notebooks show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from research import Alias, Domain
from research.framing import names_of
from samplers import NumpySampler

NORMAL = NumpySampler("normal")
ENDLESS = Domain(s=NORMAL)
COLUMNS = ["kind", "n_values", "min", "max", "values"]


def row(domain, name):
    return tuple(domain.describe().loc[name])


def test_a_description_has_a_row_for_each_parameter():
    domain = Domain({"lr": [0.1, 0.01], "depth": range(3, 9), "model": ["svm", "tree"], "m/x": [None]})
    table = (domain * ENDLESS).describe()
    assert table.columns.tolist() == COLUMNS
    assert table.index.tolist() == ["lr", "depth", "model", "m/x", "s"]
    assert table.index.name == "parameter"
    assert tuple(table.loc["lr"]) == ("float", 2, 0.01, 0.1, "0.1, 0.01")
    assert tuple(table.loc["depth"]) == ("int", 6, 3, 8, "3, 4, 5, 6, ...")
    assert tuple(table.loc["model"]) == ("str", 2, None, None, "'svm', 'tree'")
    assert tuple(table.loc["m/x"]) == ("NoneType", 1, None, None, "None")
    assert tuple(table.loc["s"]) == ("NumpySampler", None, None, None, repr(NORMAL))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (range(10**12), ("int", 10**12, 0, 10**12 - 1, "0, 1, 2, 3, ...")),
        (
            [1, 2.5, None, True, "x"],
            ("int, float, NoneType, bool, str", 5, 1, 2.5, "1, 2.5, None, True, ..."),
        ),
        ([3, float("nan"), -1.5], ("int, float", 3, -1.5, 3, "3, nan, -1.5")),
        (np.array([1, 5, 3]), ("int", 3, 1, 5, "1, 5, 3")),
        (np.array([1.0, float("nan"), -3.0]), ("float", 3, -3.0, 1.0, "1.0, nan, -3.0")),
        ([max, Alias(len, "length")], ("builtin_function_or_method", 2, None, None, "max, len")),
        ([10**30, -(10**30)], ("int", 2, -(10**30), 10**30, f"{10**30}, {-(10**30)}")),
    ],
    ids=["range", "mixed", "with nan", "array", "array with nan", "functions", "large"],
)
def test_kinds_and_extremes_of_values(values, expected):
    assert row(Domain(a=values), "a") == expected


def test_long_values_are_cut():
    text = row(Domain(a=["x" * 500]), "a")[-1]
    assert len(text) <= 45
    assert text.endswith("...")


def test_what_summands_views_and_defaults_hold_is_described():
    both = (Domain(a=[1, 2]) + Domain(a=[9.5])) * Domain(b=[1])
    assert row(both, "a") == ("int, float", 3, 1, 9.5, "1, 2, 9.5")
    assert row(both, "b") == ("int", 1, 1, 1, "1")
    for view in (
        both.shuffle(),
        both[1:],
        both.unique(),
        both - [{"a": 1, "b": 1}],
        0.5 * both,
        both.where(lambda a, b: a > b),
    ):
        assert row(view, "a") == ("int, float", 3, 1, 9.5, "1, 2, 9.5")
    assert row(Domain(a=[1]) + ENDLESS * Domain(a=[2]), "a")[:2] == ("int", 2)
    assert row(Domain([{"a": 1}, {"b": "x"}]), "b") == ("str", 1, None, None, "'x'")
    assert row(Domain(a=[1]).with_defaults(b=7), "b")[2:] == (7, 7, "7")
    assert row(Domain.quasi(16, a=(0, 1)), "a")[:2] == ("float", 16)
    assert Domain().describe().shape == Domain({}).describe().shape == (0, 5)


def test_configs_as_a_table():
    domain = Domain({"a": [1, 2], "m/x": ["p", "q"]})
    expected = pd.DataFrame({"a": [1, 1, 2, 2], "m/x": pd.Series(["p", "q", "p", "q"], dtype=object)})
    expected.columns = names_of(expected.columns)
    pd.testing.assert_frame_equal(domain.to_df(), expected)
    pd.testing.assert_frame_equal(domain.to_df(3), expected[:3])
    pd.testing.assert_frame_equal(domain.to_df(99), expected)
    pd.testing.assert_frame_equal(domain[::2].to_df(), expected[::2].reset_index(drop=True))
    assert len(ENDLESS.to_df(7)) == 7
    assert len(Domain(a=range(10**9), b=range(10**9)).to_df(4)) == 4
    assert (Domain().to_df().shape, Domain({}).to_df().shape, domain.to_df(0).shape[0]) == ((0, 0), (1, 0), 0)


def test_values_in_tables_stay_as_they_are():
    values = {"i": 1, "f": 1.5, "t": True, "s": "x", "n": None, "l": [1], "g": max, "b": 10**30}
    table = Domain({name: [value] for name, value in values.items()}).to_df()
    assert table.iloc[0].to_dict() == values
    assert [table[name].dtype.kind for name in "ifts"] == ["i", "f", "b", "O"]
    assert Domain(a=[Alias(3, "three")]).to_df()["a"].tolist() == [3]
    assert Domain(m=[{"x": 1, "y": {"z": 2}}]).to_df().columns.tolist() == ["m/x", "m/y/z"]
    mixed = Domain([{"a": 1, "b": 0.5}, {"c": "x"}]).to_df()
    assert mixed["a"].tolist() == [1, None]
    assert np.isnan(mixed["b"][1])


@pytest.mark.parametrize("n", [-1, "x", 1.5])
def test_a_number_of_rows_that_is_none_is_named(n):
    with pytest.raises((TypeError, ValueError), match="`n`"):
        Domain(a=[1]).to_df(n)


def test_what_notebooks_show():
    html = Domain(a=range(3), b=["x", "y"])._repr_html_()
    assert "6 configs" in html
    assert html.count("<tr>") == 7  # a head, five configs, and that there are more
    assert "&hellip;" in html
    assert "&hellip;" not in Domain(a=range(5))._repr_html_()
    assert "1,000,000,000,000,000,000 configs" in Domain(a=range(10**9), b=range(10**9))._repr_html_()
    assert "0 configs" in Domain()._repr_html_()
    assert "endless" in ENDLESS._repr_html_()
    assert len(Domain(a=list(range(10**5)), b=["x" * 10**5])._repr_html_()) < 5000


def test_what_notebooks_show_is_escaped():
    domain = Domain({"<b>&": ["<script>", '"', Alias(1, "<i>")]})
    html = domain._repr_html_()
    assert "<b>" not in html
    assert "<script>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;&amp;" in html
    assert "&lt;script&gt;" in html
    assert "<lambda" not in domain.where(lambda config: len(config) < 3)._repr_html_()


def test_what_notebooks_show_of_filters():
    few = Domain(a=range(3), b=range(3)).where(lambda a, b: a < b)
    assert "3 configs" in few._repr_html_()
    assert "&hellip;" not in few._repr_html_()
    asked = []
    many = Domain(a=range(10**9), b=range(10**9)).where(lambda a, b: asked.append(a) or a < b)
    assert "not counted yet" in many._repr_html_()
    assert "&hellip;" in many._repr_html_()
    assert len(asked) < 20


def test_filters_that_match_nothing_are_shown_as_such(monkeypatch):
    monkeypatch.setattr("research.domain.finding.MOST_MISSES", 100)
    for domain in (
        Domain(a=range(10**9), b=range(10**9)).where(lambda a, b: False),
        ENDLESS.where(lambda s: s > 99),
    ):
        html = domain._repr_html_()
        assert "no match among 101 in a row" in html
        assert "<table>" not in html
