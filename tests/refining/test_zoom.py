"""Zooming in: grids around the best, each finer than the one before."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import EC, Choice, Domain, Float, Int, Ordinal, Research, Zoom
from research.errors import StudyError
from research.refining.genes import TypedGene
from samplers import NumpySampler


def run(refiner, domain, function, **how):
    described = Research("study", domain, **how).add_callable(function, args=[EC()], save_to="y")
    done = described.update_domain(refiner).run(seed=1, bar=False, parallel=False, dump_results=False)
    return done.results


def by_updates(results, column):
    table = results.to_df(remove_auxilary=False)
    return [group[column].tolist() for _, group in table.groupby("updates")]


def test_each_grid_is_finer_by_the_factor():
    refiner = Zoom("y", mode="min", factor=4, points=5, generations=3)
    results = run(refiner, Domain(x=Float(0, 16)), lambda config: abs(config["x"] - 8), n_configs=1)
    first, *grids = by_updates(results, "x")
    best = first[0]
    for number, grid in enumerate(grids, 1):
        spacing = 4 / 4**number
        expected = [best + offset * spacing for offset in (-2, -1, 1, 2)]
        assert sorted(grid) == pytest.approx([x for x in expected if 0 <= x <= 16])
        best = min([best, *grid], key=lambda x: abs(x - 8))
    assert len(grids) == 3 and all(grids)


def test_it_finds_the_best_by_logarithm_where_there_is_one():
    space = Domain(lr=Float(1e-6, 1, log=True), n=Int(1, 100))
    refiner = Zoom("y", mode="min", space=space, generations=8)
    results = run(
        refiner,
        Domain(lr=[1e-5, 1e-3, 1e-1], n=[10, 50, 90]),
        lambda config: math.log10(config["lr"] / 2e-3) ** 2 + (config["n"] - 37) ** 2,
    )
    best = results.df.nsmallest(1, "y").iloc[0]
    assert best["n"] == 37 and best["lr"] == pytest.approx(2e-3, rel=0.1)
    assert all(type(config["n"]) is int for config in results.configs.values())


def test_no_config_is_evaluated_twice_and_ints_end_at_the_best_of_their_neighbours():
    domain = Domain(n=Int(-50, 50), m=Int(1, 1000, log=True))
    results = run(
        Zoom("y", mode="min"),
        domain,
        lambda config: (config["n"] - 13) ** 2 + abs(config["m"] - 300),
        n_configs=3,
    )
    hashes = [config.hash() for config in results.configs.values()]
    assert len(set(hashes)) == len(hashes)
    best = results.df.nsmallest(1, "y").iloc[0]
    assert (best["n"], best["m"]) == (13, 300)


def test_what_has_no_order_stays_as_in_the_best():
    domain = Domain(kind=["p", "q"]) * Domain(
        on=Choice([None, len]), z=NumpySampler("normal"), x=Float(0, 1), size=Ordinal(["S", "M", "L"])
    )
    results = run(Zoom("y", generations=3), domain, lambda config: (config["kind"] == "q") + config["x"] / 9)
    table = results.to_df(remove_auxilary=False)
    later = table[table["updates"] > 0]
    start = table[table["updates"] == 0].nlargest(1, "y").iloc[0]
    assert set(later["kind"]) == {"q"} and set(later["z"]) == {start["z"]}
    assert len(set(map(str, later["on"]))) == 1 and len(set(later["size"])) > 1


def test_conditions_of_the_domain_hold_and_nothing_is_out_of_bounds():
    domain = Domain(a=Int(0, 9), b=Int(0, 9)).where(lambda config: config["a"] < config["b"])
    results = run(Zoom("y", points=7), domain, lambda config: config["a"] + config["b"], n_configs=2)
    assert all(0 <= config["a"] < config["b"] <= 9 for config in results.configs.values())
    assert results.df["y"].max() == 17


def test_the_best_is_the_parent():
    results = run(Zoom("y", generations=1), Domain(x=Float(0, 1)), lambda config: config["x"], n_configs=4)
    table = results.to_df(remove_auxilary=False)
    best = table[table["updates"] == 0].nlargest(1, "y")["id"].item()
    assert {tuple(results.ancestors(id_)) for id_ in table[table["updates"] == 1]["id"]} == {(best,)}


def test_where_nothing_has_a_score_there_is_nothing_to_zoom_into():
    assert len(run(Zoom("y"), Domain(x=Float(0, 1)), lambda config: math.nan, n_configs=4).df) == 4


@given(low=st.integers(-99, 99), size=st.integers(0, 99), data=st.data())
def test_values_around_an_int_are_ints_within_bounds_and_different(low, size, data):
    gene = TypedGene("n", Int(low, low + size))
    value = data.draw(st.integers(low, low + size))
    offsets = data.draw(st.lists(st.floats(-1, 1), max_size=5, unique=True))
    found = gene.around(value, offsets)
    assert len(set(found)) == len(found) and all(low <= item <= low + size for item in found)
    assert all(item != value for item in gene.around(value, [offset for offset in offsets if offset]))


@given(place=st.floats(0, 1), offset=st.floats(-1, 1), log=st.booleans())
def test_values_around_a_float_are_as_far_as_is_said(place, offset, log):
    kind = Float(0.5, 20, log=log)
    value = kind.at(place)
    (found,) = TypedGene("x", kind).around(value, [offset]) or [None]
    if found is None:
        assert not 0 <= kind.place(value) + offset <= 1
    else:
        assert kind.place(found) == pytest.approx(kind.place(value) + offset, abs=1e-9)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"objective": ["y", "z"]}, r"`objective` must be one name, .* got \['y', 'z'\]"),
        ({"factor": 1}, r"`factor` must be a number greater than 1, got 1"),
        ({"factor": math.nan}, r"`factor` must be a number greater than 1, got nan"),
        ({"points": 1}, r"`points` must be an int of at least 2, got 1|`points` must be .*got 1"),
        ({"generations": 0}, r"`generations` must be a positive int, got 0"),
        ({"mode": "least"}, r"`mode` must be 'max' or 'min'"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_named(how, text):
    with pytest.raises(ValueError, match=text):
        Zoom(**{"objective": "y", **how})


def test_grids_that_are_too_large_are_refused():
    domain = Domain({f"x{number}": Float(0, 1) for number in range(20)})
    with pytest.raises(StudyError, match=r"`points=3` values of each parameter has \d+ configs.*Genetic"):
        run(Zoom("y"), domain, lambda config: config["x0"], n_configs=2)
