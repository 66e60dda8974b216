"""Questions to any study have the answers that pandas finds in its table."""

from __future__ import annotations

import hypothesis.strategies as st
import pandas as pd
from hypothesis import given, settings

from research import ResearchResults
from research.results.conditions import Among, Compared, Every, Missing, Name, Not, Some
from research.storage.memory import MemoryStore
from tests.results.questions import fill, mask_of

NUMBERS = st.one_of(
    st.integers(-3, 3), st.sampled_from([0.5, -0.0, 1.0, float("inf"), float("nan"), 1e300]), st.booleans()
)
TEXTS = st.sampled_from(["", "a", "b", "B", "'", '"', "é", "1", "null"])
COLUMNS = {"p": NUMBERS, "q": TEXTS, "x": NUMBERS, "y": TEXTS, "z": NUMBERS | TEXTS | st.none()}


def values(names):
    return st.fixed_dictionaries({}, optional={name: COLUMNS[name] for name in names})


STUDIES = st.lists(st.tuples(values("pq"), values("xyz")), min_size=1, max_size=8)


def comparison(name):
    kind = COLUMNS[name]
    signs = st.sampled_from(["==", "!="] if name == "z" else ["==", "!=", "<", "<=", ">", ">="])
    left, value = st.just(Name(name)), kind.filter(lambda item: item is not None and item == item)
    return st.one_of(
        st.builds(Compared, left, signs, value),
        st.builds(Among, left, st.lists(value | st.none(), max_size=3).map(tuple)),
        st.builds(Missing, left),
    )


CONDITIONS = st.recursive(
    st.sampled_from(sorted(COLUMNS)).flatmap(comparison),
    lambda parts: (
        st.builds(Not, parts)
        | st.builds(Every, st.lists(parts, min_size=1, max_size=3).map(tuple))
        | st.builds(Some, st.lists(parts, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=5,
)


def asked(experiments):
    """Return results of a study in which every experiment has saved something, and the table of it."""
    numbered = [
        ({"nth": nth, **config}, {"seen": 1, **saved}) for nth, (config, saved) in enumerate(experiments)
    ]
    results = ResearchResults(fill(MemoryStore(), numbered))
    return results, results.to_df().reindex(columns=["nth", *COLUMNS], fill_value=float("nan"))


@settings(max_examples=60)
@given(STUDIES, CONDITIONS)
def test_select_finds_what_pandas_finds(experiments, condition):
    results, frame = asked([({"p": 1, "q": "a"}, {"x": 1, "y": "a", "z": 1}), *experiments])
    expected = frame[mask_of(condition, frame)]["nth"].tolist()
    assert results.select("nth", where=condition)["nth"].tolist() == expected
    assert results.select("nth", where=str(condition))["nth"].tolist() == expected


@settings(max_examples=30)
@given(STUDIES, st.booleans(), st.integers(1, 4))
def test_the_best_are_those_that_pandas_sorts_first(experiments, is_least, n):
    results, frame = asked([({"p": 1}, {"x": 1}), *experiments])
    numbers = pd.to_numeric(frame["x"].astype(object)).astype(float)
    expected = frame.assign(x=numbers).dropna(subset="x").sort_values("x", ascending=is_least, kind="stable")
    found = results.best("x", n=n, mode="min" if is_least else "max")
    assert found["nth"].tolist() == expected["nth"].tolist()[:n]
