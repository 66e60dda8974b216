"""Studies of different code are merged, and that is told."""

from __future__ import annotations

import logging

import pytest

from research import EC, Domain, Research, ResearchResults
from research.errors import StudyError


def make(name, values, function):
    study = Research(name, Domain(a=values)).add_callable("f", function, a=EC("a"), save_to="b")
    return study.run(seed=1, bar=False)


@pytest.mark.parametrize("is_same", [True, False])
def test_studies_of_different_code_become_one(is_same, caplog):
    factor = 2
    other = factor if is_same else factor + 1
    make("one", [1, 2], lambda a: a * factor)
    make("two", [3], (lambda a: a * factor) if is_same else (lambda a: a * other))
    caplog.set_level(logging.WARNING, "research")
    ResearchResults.merge(["one", "two"], into="whole")
    told = [record.getMessage() for record in caplog.records]
    assert [("different code, 'two' of 'one': 'f' (" in text) for text in told] == [True] * (not is_same)
    codes = ResearchResults("whole").statuses_to_df()["code"]
    assert codes.nunique() == 2 - is_same
    whole = Research.load("whole")  # with the code of the first
    whole.domain = Domain(a=[1, 2, 3])
    if is_same:
        assert whole.run(bar=False).monitor.counts == {"done": 3}
        return
    with pytest.raises(StudyError, match=r"since 1 of its finished experiments were made: 'f' \("):
        whole.run(bar=False)
    whole.run(bar=False, code_changed="rerun")
    assert whole.results.df.sort_values("a")["b"].tolist() == [2, 4, 6]
    assert whole.results.statuses_to_df()["code"].nunique() == 1


def test_what_was_kept_in_a_part_is_kept_in_the_whole():
    make("one", [1], lambda a: a)
    study = Research("one", Domain(a=[1, 2])).add_callable("f", lambda a: a + 1, a=EC("a"), save_to="b")
    study.run(resume=True, code_changed="keep", bar=False)
    make("two", [3], lambda a: a + 1)
    ResearchResults.merge(["one", "two"], into="whole")
    whole = Research.load("whole")
    whole.domain = Domain(a=[1, 2, 3, 4])
    assert whole.run(bar=False).monitor.counts == {"done": 4}
    assert whole.results.df.sort_values("a")["b"].tolist() == [1, 3, 4, 5]
