"""Questions have the same answers wherever a study is stored, and they are those of pandas."""

from __future__ import annotations

import uuid

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from research import ResearchResults
from research.results.conditions import Among, Compared, Every, Like, Missing, Name, Not, Some
from research.storage.memory import MemoryStore
from tests.results.questions import fill, mask_of

HOSTILE = [
    "'); drop table experiments; --",
    "it's",
    '"',
    "`",
    "%",
    "_",
    "%s :x ?",
    "ünï¢ødé 🜚",
    "\0",
    "\ud800",
    "",
    " ",
]
NAMES = [
    "select",
    "order",
    "group",
    "'); drop table latest; --",
    'a"b',
    "a`b",
    "a b",
    "größe/я",
    "not",
    "status",
]
EXPERIMENTS = [
    (
        {
            "kernel": kernel,
            "C": C,
            HOSTILE[0]: text,
            "select": nth,
            **({"degree": nth % 3} if nth % 2 else {}),
        },
        {
            "nth": nth,
            "f1": value,
            "order": text,
            **({"group": nth / 2} if nth % 3 else {}),
            **({"mixed": [1, "1", True, None, 1.0, float("nan"), -1][nth % 7]} if nth % 5 else {}),
        },
    )
    for nth, (kernel, C, text, value) in enumerate(
        zip(
            ["linear", "rbf", "poly", None] * 6,
            [0.001, 1, 2, 2.0, True, 2**70] * 4,
            HOSTILE * 2,
            [0.1, 0.5, float("nan"), 0.82, float("inf"), -0.0, 0.0, 1e-300] * 3,
            strict=True,
        )
    )
]
NUMERIC, TEXTS, ANY = (
    ["f1", "nth", "select", "degree", "group"],
    ["order", HOSTILE[0]],
    ["C", "kernel", "mixed"],
)
NUMBERS = st.sampled_from([0, 1, 2, 0.5, 0.82, float("inf"), True, 2**70, -0.0])
STRINGS = st.sampled_from([*HOSTILE, "rbf", "r", "zzz"])
ORDER = ["<", "<=", ">", ">="]


def comparisons():
    numeric, texts = st.sampled_from(NUMERIC).map(Name), st.sampled_from(TEXTS).map(Name)
    names = st.sampled_from([*NUMERIC, *TEXTS, *ANY]).map(Name)
    equal = st.sampled_from(["==", "!="])
    return st.one_of(
        st.builds(Compared, numeric, equal | st.sampled_from(ORDER), NUMBERS | numeric),
        st.builds(Compared, texts, equal | st.sampled_from(ORDER), STRINGS),
        st.builds(Compared, names, equal, NUMBERS | STRINGS),
        st.builds(Among, names, st.lists(NUMBERS | STRINGS | st.none(), max_size=4).map(tuple)),
        st.builds(Missing, names),
        st.builds(Like, texts, st.sampled_from(["it%", "%", '"%', "ü%"])),
    )


CONDITIONS = st.recursive(
    comparisons(),
    lambda parts: (
        st.builds(Not, parts)
        | st.builds(Every, st.lists(parts, min_size=1, max_size=3).map(tuple))
        | st.builds(Some, st.lists(parts, min_size=1, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


@pytest.fixture
def asked(store):
    fill(store, EXPERIMENTS, name=f"study {uuid.uuid4()}", variables=["nth", "f1"])
    return ResearchResults(store)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(condition=CONDITIONS)
def test_what_is_selected_is_what_pandas_selects(asked, condition):
    frame = asked.to_df()
    expected = frame[mask_of(condition, frame)]
    assert asked.select("id", where=condition)["id"].tolist() == expected["id"].tolist()
    assert asked.select("id", where=str(condition))["id"].tolist() == expected["id"].tolist()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(name=st.sampled_from([*NUMERIC, *TEXTS]), falls=st.booleans())
def test_what_is_sorted_is_as_pandas_sorts(asked, name, falls):
    frame = asked.to_df()
    expected = frame.sort_values(name, ascending=not falls, kind="stable")
    found = asked.select("nth", order_by=f"-{name}" if falls else name)
    assert found["nth"].tolist() == expected["nth"].tolist()


def test_all_columns_are_those_of_to_df(asked):
    frame = asked.to_df().drop(columns="iteration")
    pd.testing.assert_frame_equal(asked.select(), frame)


def test_names_and_values_that_look_like_sql_are_names_and_values(store):
    experiments = [
        ({"p": nth, name: text}, {"v": text, f"of {name}": nth})
        for nth, (name, text) in enumerate(zip(NAMES, HOSTILE, strict=False))
    ]
    results = ResearchResults(fill(store, experiments, name=f"study {uuid.uuid4()}"))
    for nth, (name, text) in enumerate(zip(NAMES, HOSTILE, strict=False)):
        assert results.select("p", **{name: text})["p"].tolist() == [nth]
        assert results.select("p", where=results.c[name] == text)["p"].tolist() == [nth]
        assert results.select(name, v=text)[name].tolist() == [text]
        assert results.select("p", where=str(results.c[f"of {name}"] == nth))["p"].tolist() == [nth]
        assert results.best(f"of {name}", n=1)["p"].tolist() == [nth]
        column = f"of {name}".replace('"', '""')
        assert results.sql(f'select p from experiments where "{column}" = ?', [nth])["p"].tolist() == [nth]
    assert len(results.describe()) == 2 + 2 * len(NAMES)
    assert len(results.store.read().experiments) == len(NAMES)


def test_answers_are_the_same_everywhere(store):
    results = ResearchResults(fill(store, EXPERIMENTS, 2, name=f"study {uuid.uuid4()}"))
    twin = ResearchResults(fill(MemoryStore(), EXPERIMENTS, 2))
    identity, other = twin.select("id", limit=2)["id"]
    for ask in (
        lambda it: it.best("f1", n=2, by="kernel"),
        lambda it: it.describe(),
        lambda it: it.compare([identity, other]),
        lambda it: it.aggregate("nth"),
        lambda it: it.aggregate("f1", over=["select", "repetition"]),
        lambda it: it.sql("select * from experiments order by nth desc"),
        lambda it: it.select("status", "repetition", "id", "mixed", order_by=["-mixed", "nth"]),
    ):
        pd.testing.assert_frame_equal(ask(results), ask(twin))


def test_objects_are_opened_where_they_are_shown(store):
    later = [({"a": 3}, {"x": "no array"}), ({"a": 4}, {})]
    experiments = [({"a": nth}, {"x": np.arange(nth), "y": {nth}}) for nth in range(3)]
    results = ResearchResults(fill(store, experiments + later, name=f"study {uuid.uuid4()}"))
    frame = results.select("x", "y", a=[2, 3, 4])
    assert frame["x"][0].tolist() == [0, 1]
    assert frame["x"][1] == "no array" and frame["x"].isna().tolist() == [False, False, True]
    assert "not loaded" in str(frame["y"][0])
    assert results.load(load_objects=True).select("y", a=2)["y"].tolist() == [{2}]
    assert results.select("a", where="x is not null and x != 'no array'")["a"].tolist() == [0, 1, 2]
