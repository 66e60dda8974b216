"""Studies over every kind of domain give one table, however they are run."""

from __future__ import annotations

import pandas as pd
import pytest

from research import EC, Config, Domain, Research
from samplers import NumpySampler, ScipySampler

DRAWS = Domain(s=NumpySampler("normal"), t=ScipySampler("loguniform", a=1e-3, b=1))


def is_rising(a, b):
    return a <= b


GRID = Domain(a=range(4), b=range(3))
PIECES = {
    "weighted": 0.3 * Domain(kind=["w"], a=range(4)) * DRAWS + 0.7 * Domain(kind=["v"], b=range(3)),
    "filtered": Domain(kind=["f"]) * GRID.where(is_rising) * DRAWS,
    "filtered by draws": (Domain(kind=["d"], a=range(8)) * DRAWS).where(lambda s: s > 0),
    "shuffled": (Domain(kind=["s"]) * GRID * DRAWS).shuffle(5)[:7],
    "quasi": Domain(kind=["q"]) * Domain.quasi(4, "halton", 2, x=(0, 1), y=(2, 3)) * DRAWS,
    "defaults": (Domain(kind=["e"], a=[1, 2], c=[5, 6]) * DRAWS).with_defaults(c=5),
    "one by one": Domain([{"kind": "l", "a": 1}, {"kind": "l", "m/x": [1, 2]}]) * DRAWS,
    "difference": Domain(kind=["m"]) * (GRID - [{"a": 0, "b": 0}])[::4],
    "repeats": (Domain(kind=["u"], a=[1, 2, 1]) * DRAWS).unique(),
    "numbered draws": Domain(kind=["n"]) * DRAWS[2:5],
    "star": Domain(kind=["*"]) * Domain.star({"a": 1, "b": 2}, a=[1, 3], b=[4]),
}
ALL = sum(list(PIECES.values())[1:], PIECES["weighted"])
WAYS = {
    "forked": {"workers": 2, "start_method": "fork"},
    "spawned": {"workers": 2, "start_method": "spawn"},
}


def total(config):
    return sum(value for value in config.values() if isinstance(value, int | float))


def run(domain, name="study", **how):
    study = Research(name, domain).add_callable(total, config=EC(), save_to="total")
    return study.run(seed=7, bar=False, **how)


def frame(study):
    return study.results.to_df(remove_auxilary=False)


@pytest.fixture(scope="module")
def inline(tmp_path_factory):
    return frame(run(ALL, str(tmp_path_factory.mktemp("inline") / "study"), parallel=False))


def test_a_study_runs_the_configs_of_its_domain_in_their_order(inline):
    kinds = inline["kind"].tolist()
    assert set(kinds) == set("wvfdsqelmun*")
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert (counts["w"], counts["v"], counts["f"], counts["s"], counts["q"]) == (4, 3, 6, 7, 4)
    assert (counts["e"], counts["l"], counts["m"], counts["u"], counts["n"], counts["*"]) == (
        4,
        2,
        3,
        2,
        3,
        3,
    )
    assert (inline.loc[inline["kind"] == "d", "s"] > 0).all()
    assert 0 < counts["d"] < 8
    assert inline["id"].is_unique


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_run_gives_the_same_table(way, inline):
    pd.testing.assert_frame_equal(frame(run(ALL, **WAYS[way])), inline, check_exact=True)


def test_what_has_its_default_is_shown_and_has_the_id_of_what_lacks_it(inline):
    plain = frame(run(Domain(kind=["e"], a=[1, 2]) * DRAWS, "plain", parallel=False)).set_index("id")
    shown = inline[inline["kind"] == "e"].set_index("id")
    assert shown["c"].tolist() == [5, 6, 5, 6]
    assert set(plain.index) == set(shown.index[shown["c"] == 5])
    found = shown.loc[plain.index, ["a", "s", "t"]]
    pd.testing.assert_frame_equal(found, plain[["a", "s", "t"]], check_exact=True, check_dtype=False)


def test_a_default_is_shown_in_configs_and_found_again():
    study = run(Domain(a=[1, 2]).with_defaults(c=5), workers=2)
    loaded = Research.load("study").results
    for results in (study.results, loaded):
        assert [config["c"] for config in results.configs.values()] == [5, 5]
        assert results.df["c"].tolist() == [5, 5]
        assert set(results.df["id"]) == set(run(Domain(a=[1, 2]), dump_results=False).results.df["id"])
        assert results.to_df(domain=Domain(a=[2]))["a"].tolist() == [2]
        assert results.to_df(config={"a": 1})["total"].tolist() == [6]


def test_shards_of_a_study_are_the_study(inline):
    ids = []
    for k in range(3):
        found = frame(run(ALL.shard(k, 3), f"shard{k}", parallel=False)).set_index("id")
        ids += found.index.tolist()
        for name in ("total", "s", "t"):
            expected = inline.set_index("id").loc[found.index, name]
            pd.testing.assert_series_equal(found[name], expected, check_exact=True)
    assert sorted(ids) == sorted(inline["id"])


@pytest.mark.parametrize(
    "domain", [Domain(), Domain(a=[1]).where(lambda a: a > 1), GRID.where(lambda a, b: a > 9), GRID - GRID]
)
def test_an_empty_domain_runs_nothing(domain):
    assert len(run(domain, workers=1).results.df) == 0


def test_as_many_configs_as_asked_for_of_an_endless_filter():
    study = Research("study", Domain(s=NumpySampler("normal")).where(lambda s: s > 0), n_configs=20)
    found = (
        study.add_callable(total, config=EC(), save_to="total").run(seed=7, bar=False, workers=2).results.df
    )
    assert len(found) == 20
    assert (found["s"] > 0).all()
    assert (found["total"] == found["s"]).all()


def test_configs_of_a_study_are_those_of_the_domain():
    domain = (0.5 * GRID.where(is_rising) + 0.5 * Domain(c=[1, 2])).shuffle(1)
    study = run(domain, workers=2)
    stored = [Config(dict(config.items())) for config in study.results.configs.values()]
    assert sorted(map(hash, stored)) == sorted(map(hash, domain))
