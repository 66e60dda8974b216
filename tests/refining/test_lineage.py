"""What experiments were bred from is stored, and told."""

from __future__ import annotations

import pickle

import pytest

from research import EC, EP, Config, Domain, E, Float, Genetic, Research, ResearchResults


def bred(name="study", **how):
    described = Research(name, Domain(x=Float(-5, 5)), n_configs=6)
    described.add_callable("f", lambda x: (x - 1) ** 2, x=EC("x"), save_to="y")
    described.update_domain(Genetic("y", mode="min", parents=3, children=5, generations=3))
    return described.run(bar=False, seed=1, **how).results


@pytest.mark.parametrize("how", [{"workers": 2}, {"dump_results": False, "parallel": False}], ids=str)
def test_parents_are_of_an_earlier_generation_and_among_the_best_of_it(how):
    results = bred(**how)
    table = results.to_df(remove_auxilary=False).set_index("id")
    for id_, updates in table["updates"].items():
        family = results.lineage(id_)
        assert family["id"][0] == id_ and family["distance"][0] == 0 and family["updates"][0] == updates
        parents = list(family["parents"][0])
        assert family["id"][family["distance"] == 1].tolist() == parents
        best = table[table["updates"] < updates].nsmallest(3, "y").index
        assert set(parents) <= set(best)
    assert all(results.ancestors(id_) == [] for id_ in table.index[:6])
    assert results.lineage(table.index[-1])["parents"].tolist() == [()]  # it was drawn


def test_ancestors_are_nearest_first_each_once():
    results = bred(dump_results=False, parallel=False)
    last = list(results.configs)[-2]
    family = results.lineage(last)
    assert results.ancestors(last) == family["id"].tolist()[1:]
    assert family["distance"].is_monotonic_increasing and family["distance"].max() > 1
    assert family["id"].is_unique
    assert set(family["id"]) >= {parent for parents in family["parents"] for parent in parents}


def test_it_is_read_from_a_folder_and_after_merging():
    results = bred()
    last = list(results.configs)[-2]
    family = ResearchResults("study").lineage(last)
    assert len(family) > 2 and family.equals(results.lineage(last))
    merged = ResearchResults.merge(["study"], into="merged")
    assert merged.lineage(last).equals(family)


def test_ids_are_shown_as_elsewhere():
    results = bred(create_id_prefix=True)
    shown = list(results.configs)[-2]
    family = results.lineage(shown)
    assert family["id"][0] == shown and set(family["id"]) <= set(results.configs)
    assert family.equals(results.lineage(shown[-16:]))
    assert set(family["parents"][0]) <= set(results.configs)


def test_an_experiment_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"there is no experiment '0123'"):
        bred(dump_results=False, parallel=False).lineage("0123")


def test_parents_may_be_those_of_each_repetition():
    config, other = Config(x=1), Config(x=2)
    domain = Domain(x=[0]).bred({config: [["a"], ["b"]], other: ["c", "d"]})
    for same in (domain, pickle.loads(pickle.dumps(domain)), domain[:2]):
        found = [same.parents(config.canonical, repetition) for repetition in range(3)]
        assert found == [("a",), ("b",), ()]
        assert same.parents(other.canonical, 0) == same.parents(other.canonical, 1) == ("c", "d")
        assert same.parents(Config(x=3).canonical, 0) == ()
    assert not Domain(x=[0]).has_parents


@pytest.mark.parametrize("how", [{"workers": 2}, {"isolation": "experiment"}, {"parallel": False}], ids=str)
def test_a_child_finds_what_its_first_parent_has_left(how):
    def leave(folder, before, id_):
        (folder / "id.txt").write_text(id_)
        return "" if before is None else (before / "id.txt").read_text()

    described = Research("study", Domain(x=Float(-5, 5)), n_configs=6)
    described.add_callable("f", lambda x: x**2, x=EC("x"), save_to="y")
    described.add_callable(leave, folder=EP(), before=EP(parent=True), id_=E().id, save_to="before")
    described.update_domain(Genetic("y", mode="min", children=4, immigrants=0, generations=2))
    results = described.run(bar=False, seed=1, **how).results
    table = results.df
    expected = [(*results.lineage(id_)["parents"][0], "")[0] for id_ in table["id"]]
    assert table["before"].tolist() == expected and expected.count("") == 6
