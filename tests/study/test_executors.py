"""Executors of the user's own."""

from __future__ import annotations

import pytest

from research import EC, Domain, E, Executor, Research

WAYS = {
    "fork": {"workers": 2},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "inline": {"parallel": False},
    "branches": {"parallel": False, "branches": 2},
}


class Noting(Executor):
    """Saves something of its own before anything else."""

    def run(self):
        for experiment in self.experiments:
            experiment.save("beside", len(self.experiments))
        return super().run()


class Counting(Executor):
    """Looks in after each iteration."""

    def __init__(self, *args, **kwargs):
        self.limit = 2
        before = kwargs.pop("on_iteration", None)

        def look():
            for experiment in self.experiments:
                if experiment.is_alive and experiment.iteration + 1 == self.limit:
                    experiment.ending = "exhausted"
            if before is not None:
                before()

        super().__init__(*args, on_iteration=look, **kwargs)


def study(name="study"):
    described = Research(name, Domain(a=range(4)))
    return described.add_callable("f", lambda a, i: a + i, a=EC("a"), i=E().iteration, save_to="x")


@pytest.mark.parametrize("way", WAYS)
def test_an_executor_of_ones_own_may_do_something_before_it_runs(way):
    found = study().run(executor_class=Noting, bar=False, **WAYS[way]).results.df
    assert found["x"].tolist() == [0, 1, 2, 3]
    assert set(found["beside"]) == {WAYS[way].get("branches", 1)}


@pytest.mark.parametrize("way", WAYS)
def test_an_executor_of_ones_own_may_look_in_after_each_iteration(way):
    results = study().run(executor_class=Counting, n_iters=5, bar=False, **WAYS[way]).results
    assert [values["x"] for values in results.results.values()] == [{0: a, 1: a + 1} for a in range(4)]
    assert results.statuses_to_df()["iterations"].tolist()[0] == 3  # the one in which it was found to end


@pytest.mark.parametrize("options", [{"workers": 2}, {"parallel": False}, {"isolation": "experiment"}])
def test_an_executor_that_fails_fails_its_experiments_and_no_others(options):
    class Broken(Executor):
        def run(self):
            if self.experiments[0].config["a"] == 1:
                raise RuntimeError("out of order")
            return super().run()

    described = study().run(executor_class=Broken, bar=False, **options)
    assert described.results.statuses_to_df()["status"].tolist() == ["done", "failed", "done", "done"]
    (failure,) = described.monitor.exceptions
    assert (failure["name"], str(failure["exception"])) == ("executor", "out of order")
    assert "in run" in failure["traceback"]


def test_an_executor_that_cannot_be_made_says_why():
    class Narrow(Executor):
        def __init__(self, experiment):
            super().__init__(experiment)

    described = study().run(executor_class=Narrow, bar=False)
    assert described.monitor.counts == {"failed": 4}
    assert "__init__() " in str(described.monitor.exceptions[0]["exception"])


@pytest.mark.parametrize("other", [Research, Executor(study().experiment), "Executor", 5], ids=repr)
def test_what_is_no_executor(other):
    with pytest.raises(TypeError, match="`executor_class` must be a subclass of Executor, got"):
        study().run(executor_class=other, bar=False)
