"""Tables in parts, of which only one is in memory."""

from __future__ import annotations

import pandas as pd
import pytest

from research import EC, Domain, O, Research, ResearchResults


def walk(a):
    for step in range(a % 4):
        yield a * step


@pytest.fixture(params=[True, False], ids=["folder", "memory"])
def results(request):
    study = Research("study", Domain(a=range(10), b=["x", "y"]))
    study = study.add_generator("walk", walk, a=EC("a")).save(O("walk"), "w")
    study.add_callable("f", lambda a: a, a=EC("a"), save_to="f")
    return study.run(bar=False, parallel=False, dump_results=request.param).results


@pytest.mark.parametrize("chunk", [1, 3, 20, 1000])
@pytest.mark.parametrize(
    "how", [{}, {"name": "w"}, {"b": "x"}, {"a": 3}, {"pivot": False}, {"concat_config": True}]
)
def test_the_parts_are_the_table(results, chunk, how):
    parts = list(results.iter_frames(chunk, **how))
    assert all(0 < part["id"].nunique() <= chunk for part in parts)
    pd.testing.assert_frame_equal(
        pd.concat(parts, ignore_index=True), results.to_df(**how), check_dtype=False
    )


def test_filters_of_load_hold_in_parts(results):
    loaded = results.load(b="y")
    assert {b for part in loaded.iter_frames(2) for b in part["b"]} == {"y"}
    assert len(loaded.df) == sum(map(len, loaded.iter_frames(2)))


def test_a_misspelt_filter_is_an_error(results):
    with pytest.raises(ValueError, match=r"'bb'"):
        list(results.iter_frames(bb="x"))


def test_a_filter_that_nothing_meets_gives_no_part(results):
    assert list(results.iter_frames(b="z")) == []


@pytest.mark.parametrize("chunk", [0, -1, 1.5, True, "1"])
def test_what_a_part_may_not_be(results, chunk):
    with pytest.raises(ValueError, match=r"`chunk` must be a positive int, got "):
        next(results.iter_frames(chunk))


def test_a_study_without_experiments_has_no_parts():
    study = Research("study", Domain([])).add_callable("f", abs, args=[EC("a")], save_to="b")
    study.run(bar=False, parallel=False)
    assert list(ResearchResults("study").iter_frames()) == []
