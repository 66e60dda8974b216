"""Breeding in studies: whatever a domain is, children belong to it, and the best are bred."""

from __future__ import annotations

import math

import pytest

from research import EC, Alias, Bool, Choice, Domain, E, Float, Genetic, Int, Ordinal, Research
from research.errors import StudyError
from samplers import NumpySampler


def study(refiner, domain, function, name="study", n_configs=None, **how):
    described = Research(name, domain, n_configs=n_configs, **how)
    return described.add_callable(function, args=[EC()], save_to="y").update_domain(refiner)


def run(*given, seed=1, **how):
    done = study(*given, **how).run(seed=seed, bar=False, parallel=False, dump_results=False)
    assert set(done.monitor.counts) <= {"done"}, done.monitor.exceptions
    return done.results


def by_updates(results, column):
    table = results.to_df(remove_auxilary=False)
    return {updates: group[column].tolist() for updates, group in table.groupby("updates")}


def bowl(config):
    return sum((value - 1) ** 2 for value in config.values())


PLANE = Domain(x=Float(-5, 5), y0=Float(-5, 5))


def test_it_finds_the_best_and_better_with_each_generation():
    results = run(Genetic("y", mode="min", generations=8), PLANE, bowl, n_configs=32)
    best = [min(scores) for scores in by_updates(results, "y").values()]
    assert len(best) == 9 and best[-1] < 0.001 < best[0]


def test_the_most_is_wanted_if_nothing_else_is_said():
    results = run(Genetic("y", children=16, generations=5), PLANE, lambda config: -bowl(config), n_configs=16)
    assert -0.1 < results.df["y"].max() <= 0


def test_generations_are_counted_and_have_as_many_children():
    scores = by_updates(run(Genetic("y", children=5, generations=3), PLANE, bowl, n_configs=7), "y")
    assert {updates: len(values) for updates, values in scores.items()} == {0: 7, 1: 5, 2: 5, 3: 5}


def test_the_same_seed_gives_the_same_children_and_another_others():
    def configs(seed=1):
        results = run(Genetic("y", children=6, generations=2), PLANE, bowl, n_configs=8, seed=seed)
        return [config.hash() for config in results.configs.values()]

    assert configs() == configs() != configs(seed=2)


def test_a_seed_of_its_own_prevails():
    def children(study_seed, seed):
        refiner = Genetic("y", children=6, generations=1, seed=seed)
        results = run(refiner, Domain(x=range(100)).sample(9), bowl, seed=study_seed)
        return by_updates(results, "x")[1]

    assert children(1, 5) == children(2, 5) != children(1, 6)


def test_workers_change_nothing():
    tables = []
    for name, how in (("one", {"workers": 1}), ("three", {"workers": 3})):
        described = study(Genetic("y", children=9, generations=3), PLANE, bowl, name, n_configs=9)
        tables.append(described.run(seed=3, bar=False, **how).results.to_df(remove_auxilary=False))
    assert tables[0].equals(tables[1])


DOMAINS = {
    "typed": (
        Domain(x=Float(1e-3, 1, log=True), n=Int(-3, 3), on=Bool(), o=Ordinal([1, 2, 4])),
        lambda c: 1e-3 <= c["x"] <= 1 and type(c["n"]) is int and -3 <= c["n"] <= 3 and type(c["on"]) is bool,
    ),
    "functions": (
        Domain(f=Choice([Alias(abs, "A"), lambda x: 7, math.sqrt]), x=Float(0, 1)),
        lambda c: c["f"](4) in (4, 7, 2),
    ),
    "a grid of functions": (
        Domain(f=[len, lambda x: 7], n=range(50)).sample(8),
        lambda c: c["f"]("1234567") == 7,
    ),
    "dicts": (Domain(m=[{"a": 1}, {"b": 2}], x=Float(0, 1)), lambda c: c["m"] in ({"a": 1}, {"b": 2})),
    "a sample of a grid": (Domain(a=range(50), b=range(50)).sample(8), lambda c: c["a"] < 50 and c["b"] < 50),
    "a condition": (
        Domain(a=range(30), b=range(30)).where(lambda a, b: a < b)[:8],
        lambda c: c["a"] < c["b"],
    ),
    "a drawn condition": (
        Domain(a=Float(0, 1), b=Float(0, 1)).where(lambda a, b: a < b),
        lambda c: c["a"] < c["b"],
    ),
    "a difference": (Domain(a=range(300)) - Domain(a=range(30)), lambda c: 30 <= c["a"] < 300),
    "a zip": ((Domain(a=range(90)) @ Domain(b=range(90)))[:8], lambda c: c["a"] == c["b"]),
    "a list": (Domain([{"a": n, "b": -n} for n in range(60)])[:8], lambda c: c["a"] == -c["b"]),
    "a sum": (
        Domain(m=["p"]) * Domain(x=Float(0, 1)) + Domain(m=["q"], n=range(40)),
        lambda c: ("x" in c) if c["m"] == "p" else c["n"] < 40,
    ),
    "any sampler": (Domain(x=NumpySampler("normal"), n=[1, 2]), lambda c: isinstance(c["x"], float)),
    "quasi-random points": (
        Domain.quasi(8, a=(0, 1), k=Int(1, 5)),
        lambda c: 0 <= c["a"] <= 1 <= c["k"] <= 5,
    ),
    "a default": (Domain(a=range(30), b=[1, 2]).with_defaults(b=1, c=5)[:8], lambda c: c["b"] in (1, 2)),
    "an ignored one": (Domain(a=range(30), b=[1]).ignore("b")[:8], lambda c: c["b"] == 1),
    "groups of parameters": (
        Domain({"net/depth": Int(1, 90), "net/width": Int(1, 9)}),
        lambda c: 1 <= c["net/width"] <= 9,
    ),
}


@pytest.mark.parametrize("name", DOMAINS)
def test_children_belong_to_the_domain_and_none_is_run_twice(name):
    domain, is_right = DOMAINS[name]
    seen = []

    def score(config):
        seen.append(is_right(config))
        return len(seen)

    results = run(Genetic("y", children=6, generations=3), domain, score, n_configs=8)
    scores = by_updates(results, "y")
    assert {updates: len(values) for updates, values in scores.items() if updates} == {1: 6, 2: 6, 3: 6}
    assert all(seen)
    canonicals = [item.canonical for item in results.evaluated(["y"])]
    assert len(set(canonicals)) == len(canonicals) == len(seen)
    last = results.to_df(remove_auxilary=False).query("updates == 3")["id"]
    assert all(len(results.lineage(id_)) > 1 for id_ in last.iloc[:-1])  # the last is an immigrant


def test_short_names_stay():
    domain = Domain({Alias("rate", "r"): Float(0, 1)}, f=Choice([Alias(abs, "A"), Alias(len, "L")]))
    results = run(Genetic("y", children=4, generations=1), domain, lambda config: config["rate"], n_configs=4)
    table = results.to_df(use_alias=True)
    assert table["r"].notna().all() and set(table["f"]) <= {"A", "L"}


def test_a_space_that_is_used_up_is_the_end():
    domain = Domain(a=range(4), d=[0, 1])
    results = run(Genetic("y", children=3), domain[:2], lambda config: config["a"])
    assert sorted((config["a"], config["d"]) for config in results.configs.values()) == [
        (a, d) for a in range(4) for d in (0, 1)
    ]


def test_of_a_space_with_conditions_all_that_is_allowed_is_found():
    domain = Domain(a=Int(0, 5), b=Int(0, 5), on=Bool())
    constraints = [lambda config: config["a"] > config["b"], lambda config: config["on"]]
    results = run(
        Genetic("y", children=7, constraints=constraints), domain, lambda config: config["a"], n_configs=6
    )
    configs = [tuple(config.values()) for config in results.configs.values()]
    n_begun = len(by_updates(results, "y")[0])
    begun, children = set(configs[:n_begun]), set(configs[n_begun:])
    assert children == {(a, b, True) for a in range(6) for b in range(a)} - begun


def test_constraints_that_hold_for_nothing_are_an_error():
    refiner = Genetic("y", constraints=[lambda config: config["x"] > 10])
    with pytest.raises(StudyError, match=r"by Genetic\('y'.* held for none of 1000 configs that were tried"):
        run(refiner, PLANE, bowl, n_configs=4)
    with pytest.raises(StudyError, match=r"held for none"):
        run(Genetic("y", constraints=[lambda config: False]), Domain(a=range(9))[:4], bowl, name="small")


def test_a_constraint_that_fails_is_named():
    with pytest.raises(StudyError, match=r"KeyError: .*no parameter 'z'") as caught:
        run(Genetic("y", constraints=[lambda config: config["z"] > 10]), PLANE, bowl, n_configs=4)
    assert "in a constraint, asked about Config" in caught.value.__cause__.__notes__[0]


def failing(config):
    if config["n"] > 5:
        raise ValueError("too much")
    if config["n"] == 5:
        return math.nan
    return config["n"]


def test_missing_and_failed_scores_are_worst():
    domain = Domain(n=[3, 4, 5, 6, 7], x=Float(0, 1))
    described = study(
        Genetic("y", parents=2, children=20, generations=1, immigrants=0, mutation=0.0), domain, failing
    )
    done = described.run(seed=1, bar=False, dump_results=False, parallel=False)
    table = done.results.to_df(remove_auxilary=False)
    rows = dict(zip(table["id"], table["n"], strict=True))
    children = table.query("updates == 1")["id"]
    parents = {rows[parent] for child in children for parent in done.results.lineage(child)["parents"][0]}
    assert parents == {3, 4}


def test_infinite_scores_of_both_kinds_are_missing_in_the_mean():
    values = {0: (math.inf, -math.inf), 1: (1, 1), 2: (-math.inf, -math.inf)}
    described = Research("study", Domain(n=range(3)), n_reps=2)
    described.add_callable(
        lambda config: values.get(config["n"], (0, 0))[config["repetition"]],
        args=[EC(full=True)],
        save_to="y",
    )
    described.update_domain(
        Genetic("y", space={"n": Int(0, 40)}, parents=1, immigrants=0, children=1, generations=1)
    )
    results = described.run(seed=1, bar=False, dump_results=False, parallel=False).results
    parents = results.ancestors(list(results.configs)[-1])
    assert [results.configs[parent]["n"] for parent in parents] == [1]


def test_if_all_have_failed_children_are_drawn():
    described = study(Genetic("y", children=5, generations=1), PLANE, lambda config: math.nan, n_configs=4)
    results = described.run(seed=1, bar=False, dump_results=False, parallel=False).results
    assert len(by_updates(results, "y")[1]) == 5
    assert results.lineage(list(results.configs)[-1])["parents"].tolist() == [()]


def test_repetitions_count_by_their_mean_and_children_are_repeated_as_the_study_is():
    def noisy(config, repetition):
        return config["n"] + (100 if (config["n"], repetition) == (0, 0) else -100 if config["n"] == 0 else 0)

    described = Research("study", Domain(n=range(40))[:4], n_reps=2)
    described.add_callable(
        lambda config: noisy(config, config["repetition"]), args=[EC(full=True)], save_to="y"
    )
    described.update_domain(Genetic("y", parents=2, children=3, generations=1, immigrants=0))
    results = described.run(seed=1, bar=False, dump_results=False, parallel=False).results
    table = results.to_df(remove_auxilary=False).query("updates == 1")
    assert table["repetition"].value_counts().to_dict() == {0: 3, 1: 3}
    rows = {id_: config["n"] for id_, config in results.configs.items()}
    assert {rows[parent] for child in table["id"] for parent in results.lineage(child)["parents"][0]} <= {
        2,
        3,
    }


def test_the_last_value_of_an_iteration_counts():
    def lines(config):
        yield 100 - config["n"]
        yield config["n"]

    described = Research("study", Domain(n=range(30))[:6])
    described.add_generator("lines", lines, args=[EC()], save_to="y")
    described.update_domain(Genetic("y", parents=1, children=2, generations=1, immigrants=0))
    results = described.run(seed=1, bar=False, dump_results=False, parallel=False).results
    last = list(results.configs)[-1]
    assert [results.configs[parent]["n"] for parent in results.ancestors(last)] == [5]


def test_groups_are_bred_apart():
    domain = Domain(data=["p", "q"]) * Domain(x=Float(-5, 5))

    def score(config):
        return (config["x"] - {"p": 3, "q": -3}[config["data"]]) ** 2

    refiner = Genetic("y", mode="min", group_by="data", children=8, generations=5)
    results = run(refiner, domain, score, n_configs=16)
    table = results.to_df(remove_auxilary=False)
    assert table.query("updates == 5")["data"].value_counts().to_dict() == {"p": 8, "q": 8}
    best = table.loc[table.groupby("data")["y"].idxmin()].set_index("data")["x"]
    assert best["p"] == pytest.approx(3, abs=0.2) and best["q"] == pytest.approx(-3, abs=0.2)
    data = dict(zip(table["id"], table["data"], strict=True))
    for id_ in table["id"]:
        assert {data[parent] for parent in results.ancestors(id_)} <= {data[id_]}


def test_only_what_is_in_focus_changes():
    domain = Domain(a=Float(0, 1), b=Float(0, 1), c=Choice(list(range(9))))
    refiner = Genetic("y", tags={"fast": ["a", "c"]}, focus="fast", children=10, generations=3)
    results = run(refiner, domain, lambda config: config["a"], n_configs=6)
    begun = {config["b"] for config in list(results.configs.values())[:6]}
    children = list(results.configs.values())[6:]
    assert {config["b"] for config in children} <= begun
    assert len({config["a"] for config in children}) > 20 and len({config["c"] for config in children}) > 2


def test_a_grid_is_refined_between_its_values():
    grid = Domain(x=[-4, 0, 4], n=[1, 5, 9])
    refiner = Genetic("y", mode="min", space={"x": Float(-5, 5), "n": Int(0, 10)}, children=16, generations=6)
    results = run(refiner, grid, lambda config: (config["x"] - 1.3) ** 2 + (config["n"] - 3) ** 2)
    children = list(results.configs.values())[9:]
    assert {(type(config["x"]), type(config["n"])) for config in children} == {(float, int)}
    assert len({(config["x"], config["n"]) for config in results.configs.values()}) == len(results.configs)
    best = results.df.loc[results.df["y"].idxmin()]
    assert best["n"] == 3 and best["x"] == pytest.approx(1.3, abs=0.3)


def test_what_was_run_and_is_outside_of_the_space_has_no_children():
    refiner = Genetic("y", space=Domain(x=Float(0, 1)), children=4, generations=1, immigrants=0)
    results = run(refiner, Domain(x=[0.1, 0.2, 50.0]), lambda config: config["x"])
    children = list(results.configs)[3:]
    assert {results.configs[one]["x"] for child in children for one in results.ancestors(child)} == {0.1, 0.2}


def test_several_objectives_spread_over_the_front():
    described = Research("study", Domain(x=Float(-10, 10)), n_configs=16)
    described.add_callable("f", lambda x: (x**2, -((x - 2) ** 2)), x=EC("x"), save_to=["cost", "gain"])
    described.update_domain(Genetic(["cost", "gain"], mode=["min", "max"], generations=5))
    table = described.run(seed=1, bar=False, dump_results=False, parallel=False).results.to_df(
        remove_auxilary=False
    )
    last = table.query("updates == 5")["x"]
    assert last.between(-0.5, 2.5).mean() > 0.7
    assert last.min() < 0.5 and last.between(1.5, 2.5).any()


def test_a_domain_can_bring_it_along():
    domain = Domain(x=Float(0, 1)).set_update(Genetic("y", children=3, generations=2))
    described = Research("study", domain, n_configs=3).add_callable(lambda x: x, x=EC("x"), save_to="y")
    assert len(described.run(bar=False, dump_results=False, parallel=False).results.df) == 9


def test_a_study_shows_it_and_a_loaded_one_has_it():
    described = study(Genetic("y", mode="min", children=4, generations=2), PLANE, bowl, n_configs=4)
    assert "update: Genetic('y', mode='min', parents=8, children=4, generations=2), when='last'" in str(
        described
    )
    described.run(seed=1, bar=False)
    again = Research.load("study").run("again", seed=1, bar=False)
    assert again.results.df.equals(described.results.df)


def test_while_others_still_run_what_has_ended_is_bred():
    described = Research("study", PLANE, n_configs=6).add_callable(bowl, args=[EC()], save_to="y")
    described.update_domain(Genetic("y", children=3, generations=2), wait=False)
    done = described.run(workers=2, seed=1, bar=False)
    assert done.monitor.counts == {"done": 12}


def test_what_experiments_draw_does_not_change_with_it():
    described = Research("study", PLANE, n_configs=4)
    described.add_callable(lambda random: random.random(), random=E().random, save_to="y")
    described.update_domain(Genetic("y", children=4, generations=1))
    values = described.run(seed=1, bar=False, dump_results=False, parallel=False).results.df["y"]
    assert values.nunique() == 8
