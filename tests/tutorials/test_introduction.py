"""First studies: a function, a grid, objects that learn, and data that experiments share."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import SGDClassifier

from research import EC, Domain, E, O, Option, Research

POINTS, LABELS = make_classification(120, random_state=0)


def wage(hours=8, rate=15):
    return hours * rate


class Learner:
    """Trains and tests a linear classifier, batch by batch."""

    def __init__(self, alpha):
        self.model = SGDClassifier(alpha=alpha, random_state=0)

    def batches(self, size):
        for start in range(0, 100, size):
            yield slice(start, start + size)

    def train(self, batch):
        self.model.partial_fit(POINTS[batch], LABELS[batch], classes=[0, 1])

    def test(self):
        return self.model.score(POINTS[100:], LABELS[100:])


def test_the_smallest_study_has_a_row_and_no_parameter():
    study = Research().add_callable(wage, save_to="wage")
    assert study.run(dump_results=False, bar=False) is study
    table = study.results.df
    assert table.columns.tolist() == ["id", "iteration", "wage"]
    assert table.drop(columns="id").to_numpy().tolist() == [[0, 120]]


@pytest.mark.parametrize(
    "domain",
    [
        Domain(hours=[4, 8], rate=[15, 30]),
        Domain({"hours": [4, 8], "rate": [15, 30]}),
        Domain(hours=[4, 8]) * Domain(rate=[15, 30]),
        Option("hours", [4, 8]) * Option("rate", [15, 30]),
    ],
    ids=["keywords", "dict", "product", "options"],
)
def test_the_ways_to_write_a_grid_give_one_study(domain):
    study = Research(domain=domain).add_callable(wage, kwargs=EC(), save_to="wage")
    table = study.run(dump_results=False, bar=False).results.df
    assert domain == Domain(hours=[4, 8], rate=[15, 30])
    assert table.drop(columns=["id", "iteration"]).to_numpy().tolist() == [
        [4, 15, 60], [4, 30, 120], [8, 15, 120], [8, 30, 240]
    ]  # fmt: skip


def test_an_object_that_learns_by_a_generator_and_is_tested_at_the_end():
    study = (
        Research(domain=Domain(alpha=[1e-4, 100.0]), n_reps=2)
        .add_instance("learner", Learner, alpha=EC("alpha"))
        .add_generator("learner.batches", size=25)
        .add_callable("learner.train", batch=O("learner.batches"))
        .save(O("learner.batches").start, "start")
        .add_callable("learner.test", save_to="accuracy", when="last")
    )
    study.run(workers=2, dump_results=False, bar=False)
    assert study.monitor.exceptions == []
    table = study.results.to_df(remove_auxilary=False)
    for _, rows in table.groupby(["alpha", "repetition"]):
        assert rows["start"].dropna().tolist() == [0, 25, 50, 75]
        assert rows["accuracy"].notna().tolist() == [False] * 4 + [True]
    means = table.groupby("alpha")["accuracy"].mean()
    assert means[1e-4] > 0.7


def simulate(random):
    return random.normal(size=50)


def define(is_shared):
    study = Research(domain=Domain(statistic=[np.mean, np.median, np.std, np.ptp]))
    study.add_callable(simulate, random=E().random, root=is_shared)
    study.add_callable(
        "apply", lambda statistic, data: statistic(data), args=[EC("statistic"), O("simulate")]
    )
    return study.save(O("apply"), "value").save(O("simulate").sum(), "sum")


def test_what_is_made_at_the_root_is_the_same_for_all_branches():
    table = (
        define(is_shared=True).run(branches=2, n_iters=3, dump_results=False, bar=False, seed=1).results.df
    )
    sums = table.groupby("id", sort=False)["sum"].apply(list).tolist()
    assert sums[0] == sums[1] != sums[2] == sums[3]
    assert table["sum"].nunique() == 2 * 3
    assert table["value"].nunique() == 4 * 3


def test_without_a_root_every_experiment_has_its_own():
    table = (
        define(is_shared=False).run(branches=2, n_iters=3, dump_results=False, bar=False, seed=1).results.df
    )
    assert table["sum"].nunique() == 4 * 3
