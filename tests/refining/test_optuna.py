"""Samplers of Optuna as refiners: what they are told, what comes back, and that it is always the same."""

from __future__ import annotations

import math
import pickle
from statistics import median

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import CmaEsSampler, NSGAIISampler, RandomSampler, TPESampler

from research import EC, Bool, Choice, Domain, Float, Int, OptunaRefiner, Ordinal, Research, ResearchResults
from research.errors import StudyError
from samplers import NumpySampler

SAMPLERS = {
    "tpe": lambda: TPESampler(n_startup_trials=5),
    "cmaes": lambda: CmaEsSampler(popsize=4),
    "nsga2": lambda: NSGAIISampler(population_size=5),
    "random": RandomSampler,
}
PLANE = Domain(x=Float(-5, 5), y0=Float(-5, 5))


def bowl(config):
    return sum((value - 1) ** 2 for value in config.values())


def study(refiner, domain, function, name="study", n_configs=6, **how):
    described = Research(name, domain, n_configs=n_configs, **how)
    return described.add_callable(function, args=[EC()], save_to="y").update_domain(refiner)


def run(*given, seed=1, **how):
    return study(*given, **how).run(seed=seed, bar=False, parallel=False, dump_results=False).results


def by_updates(results, column):
    table = results.to_df(remove_auxilary=False)
    return {updates: group[column].tolist() for updates, group in table.groupby("updates")}


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsga2"])
def test_it_becomes_better(sampler):
    refiner = OptunaRefiner("y", SAMPLERS[sampler](), mode="min", generations=15)
    scores = by_updates(run(refiner, PLANE, bowl), "y")
    assert {updates: len(values) for updates, values in scores.items()} == {
        0: 6,
        **dict.fromkeys(range(1, 16), 8),
    }
    early = [score for updates in (1, 2) for score in scores[updates]]
    late = [score for updates in range(11, 16) for score in scores[updates]]
    assert median(late) < median(early)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_batches_follow_from_what_is_stored(sampler):
    """A refiner that has seen nothing gives what one gives that was there from the beginning."""
    domain = Domain(x=Float(1e-3, 1, log=True), n=Int(0, 40, step=4), kind=Choice(["p", len]), on=Bool())

    def make(generations):
        return OptunaRefiner("y", SAMPLERS[sampler](), children=5, generations=generations)

    def score(config):
        return config["x"] + config["n"] / 40 - (config["kind"] == "p")

    whole = run(make(7), domain, score, seed=7)
    study(make(6), domain, score).run(seed=7, bar=False, parallel=False)
    anew = pickle.loads(pickle.dumps(make(7)))
    last = anew(ResearchResults("study"), domain)
    table = whole.to_df(remove_auxilary=False).query("updates == 7")
    assert [config["x"] for config in last] == table["x"].tolist() and len(last) == 5
    assert anew(ResearchResults("study"), domain) == last
    hashes = [config.hash() for config in whole.configs.values()]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("sampler", ["tpe", "cmaes"])
def test_workers_change_nothing_and_seeds_do(sampler):
    def table(name, seed=3, **how):
        refiner = OptunaRefiner("y", SAMPLERS[sampler](), children=6, generations=3)
        done = study(refiner, PLANE, bowl, name, n_reps=2).run(seed=seed, bar=False, **how)
        return done.results.to_df(remove_auxilary=False)

    one = table("one", workers=1)
    assert one.equals(table("three", workers=3)) and len(one) == 2 * (6 + 3 * 6)
    assert not one["x"].equals(table("other", seed=4, parallel=False)["x"])


class Told(TPESampler):
    """Remembers all that it has been told, whichever copy it is."""

    log: list[optuna.trial.FrozenTrial] = []

    def __deepcopy__(self, memo):
        return Told()

    def after_trial(self, study, trial, state, values):
        self.log.append((trial.params, state.name, values))
        super().after_trial(study, trial, state, values)


def test_what_has_failed_or_has_no_score_is_a_failed_trial():
    def score(config):
        if config["x"] < 0:
            raise ValueError
        return math.nan if config["y0"] < 0 else config["x"]

    Told.log.clear()
    results = run(OptunaRefiner("y", Told(), generations=3), PLANE, score)
    told = {(params["x"], params["y0"]): (state, values) for params, state, values in Told.log}
    assert len(told) == 16
    for (x, y0), (state, values) in told.items():
        assert (state, values) == (("FAIL", None) if x < 0 or y0 < 0 else ("COMPLETE", [x]))
    assert {state for state, _ in told.values()} == {"FAIL", "COMPLETE"}
    assert len(results.configs) == 30  # of which the first six are no questions, the last eight not told


def test_several_objectives_have_modes_of_their_own():
    described = Research("study", PLANE, n_configs=6).add_callable(
        lambda x, y0: (x, y0), kwargs=EC(), save_to=["a", "b"]
    )
    Told.log.clear()
    described.update_domain(OptunaRefiner(["a", "b"], Told(), mode=["max", "min"], generations=2))
    described.run(seed=1, bar=False, parallel=False, dump_results=False)
    assert len(Told.log) == 8 and all(values == [params["x"], params["y0"]] for params, _, values in Told.log)


class Seen(RandomSampler):
    """Remembers the distributions that it was asked for."""

    log: dict[str, optuna.distributions.BaseDistribution] = {}

    def sample_independent(self, study, trial, name, distribution):
        self.log[name] = distribution
        return super().sample_independent(study, trial, name, distribution)


def test_parameters_are_those_of_optuna():
    domain = Domain(
        lr=Float(1e-3, 1, log=True),
        n=Int(0, 10, step=4),
        u=Int(1, 64, log=True),
        on=Bool(),
        kind=Choice(["a", None, 2]),
        f=Choice([len, math.sqrt]),
        same=Choice([1, True]),
        size=Ordinal([(8,), (16, 16)]),
        listed=["x", "y"],
        few=[[1], [2]],
    ) * (Domain(a=[1, 2]) @ Domain(b=[3, 4]))
    Seen.log.clear()
    results = run(OptunaRefiner("y", Seen(), generations=2), domain[:4], lambda config: config["lr"])
    assert Seen.log == {
        "lr": FloatDistribution(1e-3, 1, log=True),
        "n": IntDistribution(0, 8, step=4),
        "u": IntDistribution(1, 64, log=True),
        "on": CategoricalDistribution([False, True]),
        "kind": CategoricalDistribution(["a", None, 2]),
        "f": CategoricalDistribution([0, 1]),
        "same": CategoricalDistribution([0, 1]),
        "size": IntDistribution(0, 1),
        "listed": CategoricalDistribution(["x", "y"]),
        "few": CategoricalDistribution([0, 1]),
        "a, b": CategoricalDistribution([0, 1]),
    }
    for config in results.configs.values():
        assert (config["a"], config["b"]) in [(1, 3), (2, 4)] and config["n"] in [0, 4, 8]
        assert config["size"] in [(8,), (16, 16)] and config["few"] in [[1], [2]]


def test_products_of_a_sum_are_chosen_among():
    space = Domain(model=["svm"]) * Domain(C=Float(1, 9)) + Domain(model=["tree"], k=["a", "b", "c"])
    refiner = OptunaRefiner("y", TPESampler(n_startup_trials=4), generations=5, children=4, space=space)
    results = run(refiner, Domain(model=["tree"], k=["a"]), lambda config: len(config), n_configs=None)
    models = results.df["model"].tolist()
    assert len(models) == 1 + 5 * 4 and models.count("tree") == 3 and models.count("svm") == 18


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_small_space_is_used_up_without_repeats(sampler):
    results = run(
        OptunaRefiner("y", SAMPLERS[sampler](), children=5),
        Domain(a=Int(1, 4), b=Choice([1, 2, 3])),
        lambda config: config["a"] == 2,
        n_configs=2,
    )
    assert sorted(zip(results.df["a"], results.df["b"], strict=True)) == [
        (a, b) for a in range(1, 5) for b in (1, 2, 3)
    ]


def test_constraints_and_conditions_hold():
    domain = PLANE.where(lambda config: config["x"] < 3)
    refiner = OptunaRefiner("y", generations=3, constraints=[lambda config: config["x"] > config["y0"]])
    table = run(refiner, domain, lambda config: config["x"]).to_df(remove_auxilary=False)
    later = table[table["updates"] > 0]
    assert len(later) == 24 and (later["x"] > later["y0"]).all() and (later["x"] < 3).all()
    with pytest.raises(StudyError, match=r"held for none of 1000 configs"):
        run(OptunaRefiner("y", constraints=[lambda config: False]), PLANE, lambda config: 1)


def test_a_parameter_of_which_only_a_distribution_is_known_is_named_before_anything_runs():
    domain = Domain(x=Float(0, 1), z=NumpySampler("normal"))
    with pytest.raises(
        ValueError, match=r"the parameter 'z' is drawn from NumpySampler\(.*`space=Domain\(...\)`"
    ):
        study(OptunaRefiner("y"), domain, bowl)
    study(OptunaRefiner("y", space={"x": Float(0, 1), "z": Float(-3, 3)}), domain, bowl)
    with pytest.raises(ValueError, match=r"'n' have 1000000 values without an order"):
        study(OptunaRefiner("y"), Domain(n=range(10**6)), bowl)


def test_without_optuna_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("research.refining.optunas.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'domain-research\[optuna\]'"):
        OptunaRefiner("y")


@pytest.mark.parametrize(
    ("how", "error", "text"),
    [
        (
            {"sampler": TPESampler},
            TypeError,
            r"`sampler` must be one of Optuna, such as TPESampler\(\), got <class",
        ),
        ({"sampler": "tpe"}, TypeError, r"`sampler` must be .*, got 'tpe'"),
        ({"children": 0}, ValueError, r"`children` must be a positive int, got 0"),
        ({"generations": 0}, ValueError, r"`generations` must be a positive int, got 0"),
        ({"mode": "least"}, ValueError, r"`mode` must be 'max' or 'min'"),
        ({"constraints": len}, TypeError, r"`constraints` must be a list of functions"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_named(how, error, text):
    with pytest.raises(error, match=text):
        OptunaRefiner(**{"objective": "y", **how})


def test_optuna_says_nothing_and_is_as_talkative_as_before(capfd):
    before = optuna.logging.get_verbosity()
    run(OptunaRefiner("y", CmaEsSampler(), generations=2), Domain(x=Float(0, 1), k=Bool()), lambda config: 1)
    assert optuna.logging.get_verbosity() == before
    assert "optuna" not in "".join(capfd.readouterr()).lower()
