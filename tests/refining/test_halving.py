"""Successive halving: the best go on with more, from where they were."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier

from research import EC, EP, Choice, Domain, Float, Halving, Research
from research.errors import StudyError


def study(refiner, domain, function, name="study", **how):
    described = Research(name, domain, **how).add_callable(function, args=[EC()], save_to="y")
    return described.update_domain(refiner)


def run(*given, **how):
    return study(*given, **how).run(seed=1, bar=False, parallel=False, dump_results=False).results


def rungs(results, name="steps"):
    return [(steps, len(group)) for steps, group in results.df.groupby(name)]


GRID = Domain(x=range(27)) * Domain(steps=[1])


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"maximum": 27}, [(1, 27), (3, 9), (9, 3), (27, 1)]),
        ({"maximum": 100}, [(1, 27), (3, 9), (9, 3), (27, 1), (81, 1), (100, 1)]),
        ({"maximum": 5}, [(1, 27), (3, 9), (5, 3)]),
        ({"maximum": 4, "eta": 2}, [(1, 27), (2, 13), (4, 6)]),
        ({"maximum": 3, "eta": 1.2}, [(1, 27), (2, 22), (3, 18)]),
        ({"maximum": 2.5, "eta": 1.5}, [(1, 27), (1.5, 18), (2.25, 12), (2.5, 8)]),
        ({"maximum": 1}, [(1, 27)]),
    ],
    ids=str,
)
def test_the_best_of_each_rung_go_on_with_more(how, expected):
    results = run(Halving("y", "steps", **how), GRID, lambda config: config["x"] * config["steps"])
    assert rungs(results) == expected
    for _, group in results.df.groupby("steps"):
        assert sorted(group["x"]) == list(range(27 - len(group), 27))
    kinds = {type(config["steps"]) for config in results.configs.values()}
    assert kinds == {int} or isinstance(how["maximum"], float)


def test_the_least_is_wanted_if_that_is_said():
    results = run(Halving("y", "steps", 9, mode="min"), GRID, lambda config: config["x"])
    assert results.df.query("steps == 9")["x"].tolist() == [0, 1, 2]


def test_what_has_failed_or_has_no_score_does_not_go_on():
    def score(config):
        if config["x"] == 26:
            raise ValueError
        return math.nan if config["x"] == 25 else config["x"]

    results = run(Halving("y", "steps", 9), GRID, score)
    assert results.df.query("steps == 9")["x"].tolist() == [24, 23, 22]
    assert len(run(Halving("y", "steps", 9), GRID, lambda config: math.nan).df) == 27


def test_configs_are_those_of_the_domain_but_for_the_resource():
    domain = Domain(f=Choice([len, math.sqrt]), x=Float(0, 1), k=Choice([(1, 2), None])) * Domain(
        **{"fit/steps": [2]}
    )
    results = run(Halving("y", "fit/steps", 8, eta=2), domain, lambda config: config["x"], n_configs=8)
    assert rungs(results, "fit/steps") == [(2, 8), (4, 4), (8, 2)]
    first = {config["x"]: config for config in results.configs.values() if config["fit/steps"] == 2}
    for config in results.configs.values():
        same = first[config["x"]]
        assert {**config, "fit/steps": 2} == dict(same)


DATA, SPECIES = load_iris(return_X_y=True)


def trained(folder, before, epochs, alpha, seed):
    """Train on from the checkpoint of the experiment before, and leave one."""
    model, done = SGDClassifier(alpha=alpha, random_state=seed), 0
    if before is not None:
        model, done = pickle.loads((before / "model.pkl").read_bytes())
    for _ in range(epochs - done):
        model.partial_fit(DATA, SPECIES, classes=np.unique(SPECIES))
    (folder / "model.pkl").write_bytes(pickle.dumps((model, epochs)))
    return model.score(DATA, SPECIES), epochs - done, float(np.abs(model.coef_).sum())


@pytest.mark.parametrize("how", [{}, {"create_id_prefix": True}, {"dump_results": False}], ids=str)
def test_going_on_from_checkpoints_is_the_same_as_training_at_once(how):
    domain = Domain(alpha=[1e-4, 1e-3, 1e-2, 1e-1]) * Domain(epochs=[1])
    described = Research("study", domain, n_reps=2).add_callable(
        trained,
        folder=EP(),
        before=EP(parent=True),
        epochs=EC("epochs"),
        alpha=EC("alpha"),
        seed=EC("repetition"),
        save_to=["accuracy", "n_new", "weights"],
    )
    described.update_domain(Halving("accuracy", "epochs", maximum=4, eta=2))
    results = described.run(workers=2, bar=False, seed=1, **how).results
    table = results.to_df(remove_auxilary=False)
    assert set(results.statuses_to_df()["status"]) == {"done"}
    assert table.groupby("epochs")["n_new"].agg(["sum", "count"]).values.tolist() == [[8, 8], [4, 4], [4, 2]]
    for row in table.itertuples():
        model = SGDClassifier(alpha=row.alpha, random_state=row.repetition)
        for _ in range(row.epochs):
            model.partial_fit(DATA, SPECIES, classes=np.unique(SPECIES))
        assert row.weights == np.abs(model.coef_).sum() and row.accuracy == model.score(DATA, SPECIES)
    rows = table.set_index("id")
    for id_ in table[table["epochs"] == 4]["id"]:
        before = rows.loc[results.ancestors(id_)]
        assert before["epochs"].tolist() == [2, 1]
        assert set(before["repetition"]) == {rows.loc[id_, "repetition"]} and before["alpha"].nunique() == 1


def test_an_experiment_without_a_parent_has_no_folder_of_it():
    described = Research("study", Domain(x=[1])).add_callable(
        lambda p: p is None, p=EP(parent=True), save_to="y"
    )
    assert described.run(bar=False, parallel=False).results.df["y"].tolist() == [True]
    assert repr(EP(parent=True)) == "EP(parent=True)" and repr(EP()) == "EP()"


def test_workers_change_nothing():
    domain = Domain(x=Float(0, 1), steps=Choice([1]))
    tables = []
    for name, workers in (("one", 1), ("three", 3)):
        described = study(
            Halving("y", "steps", 9), domain, lambda config: config["x"], name, n_configs=20, n_reps=2
        )
        tables.append(described.run(seed=3, bar=False, workers=workers).results.to_df(remove_auxilary=False))
    assert tables[0].equals(tables[1]) and len(tables[0]) == 2 * (20 + 6 + 2)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"resource": 3}, r"`resource` must be the name of a parameter, got 3"),
        ({"maximum": 0}, r"`maximum` must be a positive number, got 0"),
        ({"maximum": "much"}, r"`maximum` must be a positive number, got 'much'"),
        ({"eta": 1}, r"`eta` must be greater than 1, got 1"),
        ({"mode": "least"}, r"`mode` must be 'max' or 'min'"),
        ({"objective": []}, r"`objective` must be a name"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_named(how, text):
    with pytest.raises(ValueError, match=text):
        Halving(**{"objective": "y", "resource": "steps", "maximum": 9, **how})


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        (
            Domain(x=[1], step=[1]),
            r"no parameter 'steps': .* `domain \* Domain\(steps=\[1\]\)`; did you mean 'step'",
        ),
        (Domain(x=[1], steps=[1, 3]), r"`resource`: configs begin with different amounts of 'steps'"),
    ],
    ids=str,
)
def test_domains_without_a_least_amount_are_refused_before_anything_runs(domain, text):
    with pytest.raises(ValueError, match=text):
        study(Halving("y", "steps", 9), domain, lambda config: 1)


def test_amounts_that_differ_or_are_none_are_named():
    unequal = Domain(x=[1, 2]) @ Domain(steps=[1, 3])
    with pytest.raises(StudyError, match=r"configs begin with 1 and 3 of 'steps'"):
        run(Halving("y", "steps", 9), unequal, lambda config: 1)
    with pytest.raises(StudyError, match=r"'steps' must be a positive number, got 'one' in the experiment"):
        run(Halving("y", "steps", 9), Domain(steps=["one"]), lambda config: 1)
