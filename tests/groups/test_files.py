"""Files of parameters and schemas: what is loaded, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research import Config, ParameterStore
from research.errors import ParametersError
from research.groups.files import load_files
from research.groups.names import file_name
from research.groups.schema import Kind, Schema
from research.groups.texts import digest, dumps
from tests.groups.programs import SEVEN, write

EXPECTED = r"expected `name = value`, the value as JSON"


def test_the_seven_lines_of_the_document():
    params = ParameterStore("prime.db")
    params.load(write("loadme.js", SEVEN))
    assert params.seconds_15.stop_threshold.fast == 12.3
    assert params.overall.decay_rate_int == 5
    assert type(params.overall.decay_rate_int) is int
    assert params.runtime.single_trigger_bool is True
    assert params.runtime.exit_check_choice == "custom"
    assert params.seconds_30.stop_threshold.slow == 17.9


def test_later_files_override_earlier_ones_in_one_group():
    params = ParameterStore("prime.db")
    base = write("base.js", SEVEN)
    override = write("override.js", 'overall__decay_rate_int = 7\nruntime__exit_check_choice = "defined"')
    id_ = params.load(base, override)
    assert params.ids == [id_]
    assert params.overall.decay_rate_int == 7
    assert params.runtime.exit_check_choice == "defined"
    assert params.seconds_15.stop_threshold.fast == 12.3


def test_the_same_again_is_the_same_group_and_another_value_another():
    params = ParameterStore("prime.db")
    base = write("base.js", "x = 1")
    assert params.load(base) == params.load(base)
    assert len({params.load(base), params.load(base, write("more.js", "x = 2"))}) == 2
    assert len(params.ids) == 2


def test_numbers_are_floats_unless_a_suffix_says_more():
    text = 'a = 3\nb_int = 3.0\nc_bool = 0\nd_real_0 = 0\ne_real_1 = 1\nf = "text"\ng = true\nh = null'
    values, schema = load_files([write("a.js", text)])
    shown = {name: (type(value), value) for name, value in values.items()}
    assert shown == {
        "a": (float, 3.0),
        "b_int": (int, 3),
        "c_bool": (bool, False),
        "d_real_0": (float, 0.0),
        "e_real_1": (float, 1.0),
        "f": (str, "text"),
        "g": (bool, True),
        "h": (type(None), None),
    }
    kinds = schema.kinds
    assert (kinds["d_real_0"].low, kinds["d_real_0"].high) == (0.0, math.nextafter(1.0, 0.0))
    assert (kinds["e_real_1"].low, kinds["e_real_1"].high) == (1.0, math.nextafter(2.0, 0.0))


def test_objects_are_names_with_parts_and_comments_are_left_out():
    text = '\ufeff# first\na = {"b": 1, "c": {"d_int": 2}}  # said so\n\na.e = 3\n'
    values, _ = load_files([write("a.js", text)])
    assert values == {"a/b": 1.0, "a/c/d_int": 2, "a/e": 3.0}


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("fast", rf"bad\.js:3: there is no '=' in 'fast'; {EXPECTED}"),
        (
            "fast = slow",
            rf"bad\.js:3: 'slow' is no JSON .*; {EXPECTED}.*a text is in double quotes, \"slow\"",
        ),
        ("fast = [1, 2", rf"bad\.js:3: '\[1, 2' is no JSON .*{EXPECTED}"),
        ("fast =", rf"bad\.js:3: .*is no JSON .*{EXPECTED}"),
        ("first = 2", r"bad\.js:3: first is there already, in line 1; expected each name once in a file"),
        ("first__fast = 2", r"bad\.js:3: first\.fast is there already, as first, in line 1"),
        ("2nd = 2", r"bad\.js:3: the name of a parameter must be a word, or words joined by '__', got '2nd'"),
        ("_x = 2", r"bad\.js:3: the name of a parameter must be a word"),
        ("dataset = 2", r"bad\.js:3: no parameter may be called 'dataset'"),
        ("group__x = 2", r"bad\.js:3: no parameter may be called 'group__x'"),
        ("fast = 1 2", rf"bad\.js:3: there is '2' after the value; {EXPECTED}"),
        ("fast = NaN", r"bad\.js:3: NaN is no value of a parameter; expected a finite number"),
        ("fast = 1e999", r"bad\.js:3: fast is larger than floats can be; expected a finite number"),
        ("fast = 99999999999999999999", r"bad\.js:3: .*expected an integer below 2\*\*63"),
        ("fast = {}", r"bad\.js:3: fast is an empty object; expected a value"),
        ("fast = [{}]", r"bad\.js:3: fast has an object in a list; expected numbers"),
        ("fast_int = 1.5", r"bad\.js:3: fast_int must be an int, got 1\.5"),
        ('fast_int = "1"', r'bad\.js:3: fast_int must be an int, got "1"'),
        ("fast_bool = 2", r"bad\.js:3: fast_bool must be true or false, 1 or 0, got 2"),
        ("fast_real_0 = 1", r"bad\.js:3: fast_real_0 must be from 0\.0 to 0\.9+.*, got 1"),
        ("fast_real_1 = 0.5", r"bad\.js:3: fast_real_1 must be from 1\.0 to 1\.9+.*, got 0\.5"),
        ("fast = " + "[" * 100_000, r"bad\.js:3: .*nested too deeply"),
    ],
)
def test_what_makes_no_sense_is_told_with_file_and_line_and_nothing_is_loaded(line, match):
    params = ParameterStore("prime.db")
    good, bad = write("good.js", "other = 1"), write("bad.js", f"first = 1\n\n{line}\n")
    with pytest.raises(ParametersError, match=match):
        params.load(good, bad)
    assert not Path("prime.db").exists()


def test_a_file_that_is_not_there_or_has_nothing_in_it():
    with pytest.raises(ParametersError, match=r"nix\.js: cannot be read: No such file or directory"):
        load_files(["nix.js"])
    with pytest.raises(ParametersError, match=r"there are no parameters in empty\.js"):
        load_files([write("empty.js", "# nothing\n")])
    Path("bytes.js").write_bytes(b"a = \xff\n")
    with pytest.raises(ParametersError, match=r"bytes\.js: cannot be read: .*expected a file of text"):
        load_files(["bytes.js"])


def test_an_override_is_checked_as_what_it_overrides():
    base = write("base.js", SEVEN)
    with pytest.raises(ParametersError, match=r"over\.js:1: runtime.exit_check_choice must be one of "):
        load_files([base, write("over.js", 'runtime__exit_check_choice = "custm"')])
    with pytest.raises(ParametersError, match=r"over\.js:1: overall cannot be a parameter and a part of one"):
        load_files([base, write("over.js", "overall = 1")])


SCHEMA = """
    constraints = ["stop.high > stop.low", "n in [4, 5] or stop.high < 100"]

    [parameters]
    n = {type = "int", low = 1, high = 9, step = 2, tags = ["size"]}
    kind = {type = "ordinal", options = ["S", "M", "L"]}

    [parameters.stop]
    low = {type = "float", low = 0.1, high = 100, log = true}
    high = {type = "float", high = 1000}
"""


def test_a_schema_says_types_bounds_constraints_and_tags():
    values, schema = load_files(
        [write("a.js", 'n = 3\nkind = "M"\nstop__low = 1\nstop__high = 2')], write("s.toml", SCHEMA)
    )
    assert values == {"n": 3, "kind": "M", "stop/low": 1.0, "stop/high": 2.0}
    assert schema.kinds["n"] == Kind("int", 1, 9, step=2, tags=("size",))
    assert schema.kinds["stop/high"] == Kind("float", 0.2, 1000.0)
    assert schema.tags == {"size": ["n"]}
    assert Schema.stored(schema.text) == schema or Schema.stored(schema.text).text == schema.text


@pytest.mark.parametrize(
    ("before", "after", "match"),
    [
        ('"int"', '"itn"', r"s\.toml: n: `type` must be one of .*got 'itn'; did you mean 'int'"),
        ("step = 2", "stap = 2", r"s\.toml: n: there is no 'stap'; did you mean 'step'"),
        ("step = 2", "options = [1]", r"n: 'options' means nothing to the type 'int'"),
        ("low = 1,", "low = 11,", r"n: low < high must hold, but got low=11, high=9"),
        ("low = 1,", "low = 1.5,", r"n: `low` must be an int, got 1\.5"),
        ("low = 0.1", "low = 0", r"stop\.low: `low` must be positive where `log` is true, got 0"),
        ('["S", "M", "L"]', "3", r"kind: `options` must be a list of values, got 3"),
        ('["size"]', '"size"', r"n: `tags` must be a list of texts"),
        ("high = 9", "high = 2", r"a\.js:1: n must be from 1 to 2, got 3"),
        ("low = 1,", "low = 2,", r"a\.js:1: n must be some steps of 2 from 2, got 3"),
        ("kind =", "kid =", r"s\.toml: there is no parameter kid in the files; did you mean 'kind'"),
        ("stop.high > stop.low", "stop.high < stop.low", r"not hold: stop\.high = 2\.0, stop\.low = 1\.0"),
        ("stop.high > stop.low", "stop.hihg > 1", r"there is no 'stop\.hihg'; did you mean 'stop\.high'"),
        ("stop.high > stop.low", "open('x')", r"has .*, which means nothing here; there are numbers"),
        ("stop.high > stop.low", "n.__class__", r"which means nothing here"),
        ("stop.high > stop.low", "n >", r"the constraint 'n >' cannot be read"),
        ("stop.high > stop.low", "n > 'a'", r"cannot be asked"),
        ("[parameters]", "[params]", r"a schema has 'parameters' and perhaps 'constraints', got 'params'"),
        ("[parameters]", "[parameters", r"s\.toml: "),
    ],
)
def test_a_schema_that_makes_no_sense(before, after, match):
    assert before in SCHEMA
    files = [write("a.js", 'n = 3\nkind = "M"\nstop__low = 1\nstop__high = 2')]
    with pytest.raises(ParametersError, match=match):
        load_files(files, write("s.toml", SCHEMA.replace(before, after)))


WORDS = st.from_regex(r"[a-z][a-z0-9]{0,4}", fullmatch=True).filter(
    lambda word: word not in ("id", "group", "dataset", "iteration", "repetition", "device", "updates")
)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS
VALUES = SCALARS | st.text() | st.lists(SCALARS | st.text())


@given(st.dictionaries(WORDS.map(lambda word: f"p_{word}"), VALUES, min_size=1))
def test_a_group_is_known_by_what_is_in_it_as_a_config_is(given):
    path = write("any.js", "")
    path.write_text("".join(f"{file_name(name)} = {json.dumps(value)}\n" for name, value in given.items()))
    values, schema = load_files([path])
    assert values == given
    assert dumps(values) == Config(values).canonical
    assert digest(dumps(values)) == Config(values).hash()
    assert all(kind.value(name, values[name]) == values[name] for name, kind in schema.kinds.items())
    assert Schema.stored(schema.text).text == schema.text
