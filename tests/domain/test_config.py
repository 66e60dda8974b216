"""Configs as mappings: every spelling of a nesting is one config, which nobody changes."""

from __future__ import annotations

import copy
import pickle
from enum import IntEnum

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from research import Alias, Config, ConfigAlias, Domain

NAMES = st.sampled_from(["a", "b", "ab", "model", "$x", "lr"])
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        st.integers(0, 3), lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3), max_leaves=8
    ),
    max_size=4,
)


@st.composite
def spellings(draw):
    """Draw a nested dict, and another way to write it: some levels as dicts, some as paths, some as both."""
    tree = draw(TREES)
    return tree, spell(tree, draw)


def spell(tree, draw):
    written = {}
    for key, value in tree.items():
        if not isinstance(value, dict):
            written[key] = value
            continue
        for name, part in spell(value, draw).items():
            if draw(st.booleans()):
                written[f"{key}/{name}"] = part
            else:
                written.setdefault(key, {})[name] = part
    return written


def walk(tree, path=()):
    for key, value in tree.items():
        yield (*path, key), value
        if isinstance(value, dict):
            yield from walk(value, (*path, key))


@given(spellings())
@example(({"m": {"x": 1, "y": 2}}, {"m": {"x": 1}, "m/y": 2}))
def test_all_spellings_of_a_nesting_are_one_config(pair):
    tree, spelled = pair
    config, other = Config(tree), Config(spelled)
    assert config == other == tree
    assert hash(config) == hash(other)
    assert config.hash() == other.hash()
    assert config.explain_hash() == other.explain_hash()
    for path, value in walk(tree):
        assert other["/".join(path)] == value
        part = other
        for key in path:
            part = part[key]
        assert part == value
        assert "/".join(path) in other
        assert "/".join((*path, "missing")) not in other


@given(TREES, TREES)
def test_configs_are_equal_if_their_contents_are(one, other):
    assert (Config(one) == Config(other)) == (one == other)
    assert (Config(one).hash() == Config(other).hash()) == (one == other)


@given(TREES)
def test_a_config_is_rebuilt_from_its_text_and_by_pickle(tree):
    config = Config(tree)
    for again in (eval(repr(config), {"Config": Config}), pickle.loads(pickle.dumps(config)), Config(config)):
        assert again == config
        assert again.to_dict() == config.to_dict()
    assert copy.deepcopy(config) == config


def test_keys_are_given_as_they_were_written_and_in_that_order():
    config = Config({"m/x": 1, "b": 2}, a={"y": 3})
    assert list(config) == ["m/x", "b", "a"]
    assert len(config) == 3
    assert config.to_dict() == {"m/x": 1, "b": 2, "a": {"y": 3}}
    assert dict(config) == {"m/x": 1, "b": 2, "a": Config(y=3)}


@pytest.mark.parametrize(
    "items",
    [{"a": 1, "b": [2]}, [("a", 1), ("b", [2])], Config(a=1, b=[2])],
    ids=lambda item: repr(item).split(" at 0x")[0],
)
def test_a_config_is_made_from_a_mapping_or_from_pairs(items):
    assert Config(items) == Config(a=1, b=[2])
    assert Config(items, c=3) == {"a": 1, "b": [2], "c": 3}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Config({"a": 1}, a=2),
        lambda: Config([("a", 1), ("a", 2)]),
        lambda: Config({"a": {"b": 1}, "a/b": 2}),
        lambda: Config({"a": 1, "a/b": 2}),
        lambda: Config({"a": {}, "a/b": 2}),
        lambda: Config({"m": {"a": 1, "a/b": 2}}),
        lambda: Config({"m": {"a": {"b": 1}, "a/b": 2}}),
        lambda: Config(m=Config({"a/b": 1}), **{"m/a": {"b": 2}}),
    ],
    ids=[
        "keyword",
        "pairs",
        "both spellings",
        "value and part",
        "empty and part",
        "inside",
        "inside, deep",
        "config",
    ],
)
def test_a_parameter_given_twice_is_named(make):
    with pytest.raises(ValueError, match=r"the parameter '.*' is given twice"):
        make()


@pytest.mark.parametrize(
    "key", [1, None, ("a", "b"), Alias("a", "b")], ids=lambda item: repr(item).split(" at 0x")[0]
)
def test_names_of_parameters_are_text(key):
    with pytest.raises(TypeError, match="must be str, got"):
        Config({key: 1})


@pytest.mark.parametrize(
    "other", [{1: 2}, {"a": 1, None: 2}, {"a": 1, "a/b": 2}], ids=lambda item: repr(item).split(" at 0x")[0]
)
def test_a_config_differs_from_what_can_be_none(other):
    assert Config(a=1) != other


@pytest.mark.parametrize("other", [None, 1, "a", [("a", 1)]], ids=lambda item: repr(item).split(" at 0x")[0])
def test_a_config_differs_from_what_is_no_mapping(other):
    assert Config(a=1) != other


def test_a_short_name_inside_a_group_stays_with_the_group():
    config = Config({"host": {"name": Alias([1, 2], "short"), "n": 2}})
    whole = {"host": {"name": [1, 2], "n": 2}}
    assert config["host/name"] == config["host"]["name"] == [1, 2]
    assert config.to_dict() == whole
    assert type(config.to_dict()["host"]["name"]) is list
    assert dict(config.items()) == whole


def test_missing_parameters_are_key_errors():
    config = Config({"model/lr": 1}, a=[1])
    for key in ("lr", "model/l", "mode", "a/0", "", "/", "model/lr/x", 5, None):
        assert key not in config
        with pytest.raises(KeyError, match="there is no parameter"):
            config[key]
    assert config.get("lr", 7) == 7


@pytest.mark.parametrize(
    "value", [{}, {1: 2}, {"a": 1, 2: 3}], ids=lambda item: repr(item).split(" at 0x")[0]
)
def test_dicts_that_are_no_parts_stay_values(value):
    config = Config(x=value)
    assert config["x"] == value
    assert type(config["x"]) is dict
    assert list(config.explain_hash()) == ["x"]


def test_aliases_are_shown_but_read_as_their_values():
    config = Config(a=Alias([1], "short"), model=Alias({"lr": 1}, "m"))
    assert config["a"] == [1]
    assert config["model"]["lr"] == config["model/lr"] == 1
    assert config == {"a": [1], "model/lr": 1}
    assert config.to_dict() == {"a": [1], "model": {"lr": 1}}
    assert [value.alias for _, value in config.raw_items()] == ["short", "m"]


def change(value):
    """Change a container in place, at its bottom."""
    if isinstance(value, dict):
        change(value["x"])
    elif isinstance(value, tuple):
        change(value[0])
    else:
        value.add(9) if isinstance(value, set) else value.append(9)


@pytest.mark.parametrize(
    "make",
    [lambda: [1], lambda: {"x": [1]}, lambda: {1}, lambda: ([1],), lambda: {"x": ({1},)}],
    ids=["list", "dict", "set", "tuple", "deep"],
)
@pytest.mark.parametrize("known", [True, False], ids=["hashed before", "not hashed before"])
def test_what_happens_to_an_argument_later_changes_no_config(make, known):
    value = make()
    config = Config(a=value)
    if known:
        config.hash()
    change(value)
    assert config.hash() == Config(a=make()).hash()
    assert Config(config.to_dict()).hash() == Config(a=make()).hash()


def test_the_dict_of_arguments_is_not_kept():
    items = {"a": 1}
    config = Config(items)
    items["a"], items["b"] = 2, 3
    assert config == {"a": 1}


@pytest.mark.parametrize(
    "value",
    [[[1]], {"deep": [1]}, ([1],), {1: [1]}, {2}, Config(x=[1])],
    ids=lambda item: type(item).__name__,
)
def test_to_dict_gives_a_fresh_dict_to_the_bottom(value):
    config = Config(a=value)
    before = config.hash()
    given = config.to_dict()["a"]
    while not isinstance(given, set):
        part = next(iter(given.values())) if isinstance(given, dict) else given[0]
        if isinstance(part, int):
            break
        given = part
    given.add(9) if isinstance(given, set) else given.append(9)
    assert Config(config.to_dict()).hash() == Config(a=value).hash() == before


def test_arrays_are_shared_and_cannot_be_written_to():
    array = np.arange(3)
    config = Config(x=array)
    for found in (config["x"], config.to_dict()["x"]):
        assert np.shares_memory(found, array)
        with pytest.raises(ValueError, match="read-only"):
            found[0] = 5


def test_what_is_read_from_a_config_has_the_identity_of_what_was_put_in():
    for value in ([Config(b=1)], (Config(b=1), 2), {5: Config(b=1)}):
        config = Config(a=value)
        assert Config(a=config["a"]).hash() == config.hash()
        assert Config(config.to_dict()).hash() == config.hash()


def test_config_aliases_are_equal_by_values_and_short_names():
    item = ConfigAlias({"a": Alias(1, "one")})
    assert item == ConfigAlias([("a", Alias(1, "one"))])
    assert hash(item) == hash(ConfigAlias({"a": Alias(1, "one")}))
    assert item != ConfigAlias({"a": 1})
    assert item != ConfigAlias({"a": Alias(2, "one")})
    assert item != {"a": 1}


def test_adding_config_aliases_changes_neither():
    one, other = ConfigAlias({"a": 1}), ConfigAlias({"b": 2})
    both = one + other
    assert both.config() == {"a": 1, "b": 2}
    assert both.pop_config("a").config() == {"a": 1}
    assert (one.config(), other.config()) == ({"a": 1}, {"b": 2})
    with pytest.raises(TypeError):
        one + 5


class Grade(IntEnum):
    """Numbers that are no plain int."""

    LOW = 1


@pytest.mark.parametrize(
    "values",
    [[1, "x", None], range(2), (True, 0.5), [Alias(1, "one"), 2], [[1], (2,)], [Grade.LOW], np.arange(2), []],
    ids=str,
)
def test_a_grid_gives_values_as_any_config_does(values):
    """Also where it knows that there is nothing to look at."""
    for config in Domain(a=[1, 2], b=values):
        other = Config(config.raw_items())
        for same in (config, copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
            assert list(same.values()) == [same["a"], same["b"]] == list(other.values())
            assert list(same.items()) == list(other.items())
            assert (same == other, same.hash() == other.hash(), same.defaults) == (True, True, {})
        for value in config.values():
            if isinstance(value, list):
                value.append(5)
        assert list(config.values()) == list(other.values())
