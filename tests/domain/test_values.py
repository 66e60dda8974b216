"""What stands for a value: its short name, or its canonical form."""

from __future__ import annotations

import enum
import json
import pickle

import numpy as np
import pytest

from research import Alias, Config, Domain
from research.domain.decoding import decode
from research.domain.hashing import canonical_text
from research.domain.values import Opaque, unwrap


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def named(value):
    return value


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (5, "5"),
        ("text", "text"),
        (None, "None"),
        (max, "max"),
        (named, "named"),
        (dict, "dict"),
        ([1, 2], "[1, 2]"),
    ],
    ids=lambda item: repr(item).split(" at 0x")[0],
)
def test_the_default_alias_is_the_name_else_the_text(value, name):
    assert Alias(value).alias == str(Alias(value)) == name
    assert Alias(value).value is value


@pytest.mark.parametrize("alias", ["short", 5, ""])
def test_an_alias_is_text(alias):
    assert Alias([1], alias).alias == str(alias)


def test_an_alias_of_an_alias_is_one_alias():
    inner = Alias([1, 2], "inner")
    assert Alias(inner) == inner
    assert Alias(inner, "outer") == Alias([1, 2], "outer")
    assert Alias(inner, "outer").value is inner.value


def test_aliases_are_equal_by_name_and_value():
    assert Alias(1, "a") == Alias(1, "a")
    assert hash(Alias([1], "a")) == hash(Alias([1], "a"))
    assert len({Alias(1, "a"), Alias(1, "a"), Alias(2, "a"), Alias(1, "b")}) == 3
    assert Alias(1, "1") != 1


def test_aliases_of_arrays_are_equal_by_content():
    assert Alias(np.array([1, 2]), "a") == Alias(np.array([1, 2]), "a")
    assert Alias(np.array([1, 2]), "a") != Alias(np.array([1, 3]), "a")


def test_an_alias_is_rebuilt_from_its_text():
    alias = Alias([1, {"a": 2}], "it's")
    assert eval(repr(alias), {"Alias": Alias}) == alias


def test_unwrapping_takes_one_alias_off_and_leaves_the_rest():
    assert unwrap(Alias(5, "five")) == unwrap(5) == 5
    assert unwrap([Alias(5, "five")]) == [Alias(5, "five")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (max, "max"),
        (named, "named"),
        (np.float32, "float32"),
        (np, "numpy"),
        (lambda x: x, "<lambda>"),
        (np.zeros((2, 3)), "array(<f8, (2, 3), 87b774e8)"),
        (Alias(object(), "thing"), "thing"),
        (ValueError("a"), "ValueError"),
    ],
    ids=lambda item: repr(item)[:20],
)
def test_what_stayed_behind_is_shown_by_name(value, text):
    opaque = decode(json.loads(canonical_text(value)))
    assert isinstance(opaque, Opaque)
    assert str(opaque) == text
    assert repr(opaque) == f"<Opaque {text}>"


def test_members_of_an_enum_that_stayed_behind_can_be_told_apart():
    red, blue = (decode(json.loads(canonical_text(member))) for member in Colour)
    assert "RED" in str(red)
    assert "BLUE" in str(blue)


def test_what_stayed_behind_is_equal_by_form():
    one, other = ({"$function": "m:f"}, {"$function": "m:g"})
    assert Opaque(one) == Opaque(dict(one))
    assert hash(Opaque(one)) == hash(Opaque(dict(one)))
    assert Opaque(one) != Opaque(other)
    assert Opaque(one) != one
    assert pickle.loads(pickle.dumps(Opaque(one))) == Opaque(one)


@pytest.mark.parametrize(
    "value",
    [max, Colour.RED, np.arange(4), Alias(object(), "thing")],
    ids=lambda item: repr(item).split(" at 0x")[0],
)
def test_what_stayed_behind_has_the_identity_of_the_original_wherever_it_stands(value):
    opaque = decode(json.loads(canonical_text(value)))
    for place in (
        lambda item: item,
        lambda item: [1, item],
        lambda item: {"deep": (item,)},
        lambda item: {5: item},
    ):
        assert Config(x=place(opaque)).hash() == Config(x=place(value)).hash()
    assert Domain(x=[opaque]) == Domain(x=[value])
