"""Refiners of one's own, and what Genetic refuses."""

from __future__ import annotations

import pytest

from research import EC, Domain, Float, Genetic, Refiner, Research
from research.errors import StudyError

PLANE = Domain(x=Float(-5, 5), y0=Float(-5, 5))


def refined(refiner, domain=PLANE, function=lambda config: config["x"], n_configs=4):
    described = Research("study", domain, n_configs=n_configs).add_callable(
        function, args=[EC()], save_to="y"
    )
    return described.update_domain(refiner).run(seed=1, bar=False, dump_results=False, parallel=False)


class Twice(Refiner):
    """Doubles the best."""

    def __call__(self, results, domain):
        best = max(item.values[0] for item in results.evaluated(["y"]))
        return Domain(x=[2 * best]) if best < 10 * domain[0]["x"] else None


def test_a_refiner_that_would_never_be_asked_is_refused():
    text = r"the domain is endless, and Genetic\('y'.*would wait for its end: say by `n_configs`"
    with pytest.raises(ValueError, match=text):
        Research("study", PLANE).update_domain(Genetic("y"))
    with pytest.raises(ValueError, match=text):
        Research("study", Domain(x=Float(0, 1)).set_update(Genetic("y")))
    Research("study", PLANE).update_domain(Genetic("y"), when=8)
    Research("study", Domain(x=Float(0, 1)).set_iter_params(n_items=4)).update_domain(Genetic("y"))
    Research("study", PLANE[:4]).update_domain(Genetic("y"))


def test_refiners_of_ones_own():
    described = Research("study", Domain(x=[1])).add_callable(lambda x: x, x=EC("x"), save_to="y")
    results = described.update_domain(Twice()).run(bar=False, dump_results=False, parallel=False).results
    assert results.df["y"].tolist() == [1, 2, 4, 8, 16]


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        ({"objective": 1}, ValueError, r"`objective` must be a name or a list of different names, got 1"),
        ({"objective": []}, ValueError, r"`objective` must be"),
        ({"mode": "least"}, ValueError, r"`mode` must be 'max' or 'min', .* got 'least'"),
        ({"mode": ["max", "min"]}, ValueError, r"one of them for each objective"),
        ({"parents": 0}, ValueError, r"`parents` must be a positive int, got 0"),
        ({"children": 1.5}, ValueError, r"`children` must be a positive int, got 1.5"),
        ({"generations": 0}, ValueError, r"`generations` must be a positive int"),
        (
            {"selection": "roulette"},
            ValueError,
            r"`selection` must be 'tournament' or 'truncation', got 'roulette'",
        ),
        ({"crossover": 2}, ValueError, r"`crossover` must be a probability, from 0 to 1, got 2"),
        ({"mutation": "much"}, ValueError, r"`mutation` must be a probability"),
        ({"elite": -1}, ValueError, r"`elite` must be a non-negative int"),
        ({"immigrants": None}, ValueError, r"`immigrants` must be a non-negative int"),
        ({"constraints": len}, TypeError, r"`constraints` must be a list of functions"),
        ({"constraints": [3]}, TypeError, r"functions of a config, got 3 among them"),
        ({"tags": {"fast": []}}, ValueError, r"`tags` must be a name"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_named(how, error, text):
    with pytest.raises(error, match=text):
        Genetic(**{"objective": "y", **how})


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"objective": "why"}, r"no experiment has saved 'why'; known: 'y'"),
        ({"focus": "xx"}, r"`focus`: there is no parameter 'xx'; did you mean 'x'\?"),
        ({"group_by": "data"}, r"`group_by`: there is no parameter 'data'"),
        ({"tags": {"fast": ["z"]}}, r"`tags`: there is no parameter 'z'"),
        (
            {"space": {"x": Float(50, 60), "y0": [1]}, "focus": "x"},
            r"none of it is in the space that is refined",
        ),
    ],
    ids=str,
)
def test_what_does_not_fit_the_study_is_named_when_it_is_asked(how, text):
    with pytest.raises(StudyError, match=text):
        refined(Genetic(**{"objective": "y", **how}))


def test_scores_that_are_no_numbers_are_named():
    with pytest.raises(
        StudyError, match=r"the objective 'y' must be a number, got str 'good' in the experiment '"
    ):
        refined(Genetic("y"), function=lambda config: "good")


def test_drawn_values_in_a_zip_are_refused():
    domain = Domain(a=[1, 2]) @ (Domain(b=[3, 4]) * Domain(x=Float(0, 1)))
    with pytest.raises(
        StudyError, match=r"'a' and 'b' and 'x' are drawn and go side by side .* `space=Domain"
    ):
        refined(Genetic("y"), domain, n_configs=None)
