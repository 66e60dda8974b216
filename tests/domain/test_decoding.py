"""From canonical forms back to values: exactly, and without running anyone's code."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import pathlib
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import Config
from research.domain.decoding import decode, look_up
from research.domain.hashing import canonical, canonical_text
from research.domain.values import Opaque

# Stored configs are written like this: each must be read as long as there are stores.
STORED = [
    ("null", None),
    ("true", True),
    ("-0.0", -0.0),
    ('{"$int":"0x8000000000000000"}', 2**63),
    ('{"$int":"-0x8000000000000001"}', -(2**63) - 1),
    ('{"$float":"-inf"}', float("-inf")),
    ('{"$complex":[1.0,{"$float":"inf"}]}', complex(1, math.inf)),
    ('{"$bytes":"AGE="}', b"\0a"),
    ('{"$bytearray":"YQ=="}', bytearray(b"a")),
    ('{"$decimal":"1.10"}', decimal.Decimal("1.10")),
    ('{"$date":"2026-01-02"}', datetime.date(2026, 1, 2)),
    ('{"$timedelta":[-1,2,3]}', datetime.timedelta(-1, 2, 3)),
    ('{"$path":"a/b"}', pathlib.PurePosixPath("a/b")),
    ('{"$tuple":[]}', ()),
    ('{"$tuple":[1,{"$tuple":[2]}]}', (1, (2,))),
    ('{"$set":[{"$tuple":[1]},2]}', {2, (1,)}),
    ('{"$frozenset":[{"$frozenset":[]}]}', frozenset({frozenset()})),
    ('{"$dict":[[{"$tuple":[1]},"a"],[null,{"b":[]}]]}', {(1,): "a", None: {"b": []}}),
    ('{"$dict":[["$int","0x5"]]}', {"$int": "0x5"}),
    ('{"$scalar":["<M8[D]","e74f000000000000"]}', np.datetime64("2026-01-02")),
    ('{"$scalar":["<m8[s]","0300000000000000"]}', np.timedelta64(3, "s")),
    ('{"a":{"b/c":[1]}}', {"a": {"b/c": [1]}}),
    ('{"$a":1,"$b":2}', {"$a": 1, "$b": 2}),
]


@pytest.mark.parametrize(("text", "value"), STORED, ids=[text for text, _ in STORED])
def test_what_was_stored_is_read(text, value):
    decoded = decode(json.loads(text))
    assert type(decoded) is type(value)
    assert repr(decoded) == repr(value)


@pytest.mark.parametrize(
    "value", [value for _, value in STORED[:-1]], ids=lambda item: repr(item).split(" at 0x")[0]
)
def test_what_was_read_is_stored_alike(value):
    form = canonical(value)
    assert canonical(decode(form)) == form


def test_nan_comes_back_as_nan():
    assert math.isnan(decode(json.loads(canonical_text(float("nan")))))
    assert [type(item) for item in decode(json.loads(canonical_text({float("nan")})))] == [float]


@pytest.mark.parametrize(
    "form",
    [
        {"$function": "never_imported:launch"},
        {"$class": "never_imported:Rocket"},
        {"$object": ["never_imported:Rocket", {"state": {"fuel": 5}}]},
        {"$dataclass": ["never_imported:Rocket", {"fuel": 5}]},
        {"$enum": ["never_imported:Stage", "FIRST"]},
        {"$module": "never_imported"},
        {"$code": ["<lambda>", "00"]},
        {"$array": ["<f8", [3], "00"]},
        {"$some_later_version": [1, 2, 3]},
    ],
    ids=lambda form: next(iter(form)),
)
def test_reading_runs_no_code_and_loses_nothing(form, tmp_path, monkeypatch):
    (tmp_path / "never_imported.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    nested = decode({"deep": [form]})
    assert nested == {"deep": [Opaque(form)]}
    assert canonical(nested) == {"deep": [form]}
    assert "never_imported" not in sys.modules


def test_functions_may_be_in_sets_and_keys():
    value = {"chosen": {max, min}, "names": {max: "max"}}
    decoded = decode(canonical(value))
    assert canonical(decoded) == canonical(value)
    assert decoded["names"][Opaque({"$function": "builtins:max"})] == "max"


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.dates()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.sampled_from([max, np.float32, np.arange(3)])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text("$ab"), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text("$abc", min_size=1), TREES, max_size=4))
def test_a_config_read_from_its_canonical_form_is_the_config(items):
    config = Config(items)
    again = Config.from_canonical(json.loads(config.canonical))
    assert again == config
    assert again.hash() == config.hash()
    assert again.canonical == config.canonical


@pytest.mark.parametrize(
    "value", [max, int, np.sin, pathlib.Path.exists, {"deep": [len]}, ({max: (min, 1)},), {abs}]
)
def test_functions_and_classes_are_looked_up_where_they_are_wanted(value):
    assert decode(canonical(value), look_up) == value


@pytest.mark.parametrize(
    "form",
    [
        {"$function": "never_imported:launch"},
        {"$function": "math:cosine"},
        {"$function": "math:pi"},
        {"$class": "math:cos"},
        {"$function": "builtins:int"},
        {"$code": ["<lambda>", "00"]},
    ],
    ids=str,
)
def test_a_name_that_stands_for_nothing_or_something_else_stays_closed(form, tmp_path, monkeypatch):
    (tmp_path / "never_imported.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert decode([form], look_up) == [Opaque(form)]
