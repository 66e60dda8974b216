"""A config has one identity in every process, and whether its script is run or imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

DEFINITIONS = """
    import collections, dataclasses, enum, functools, json, random, re, threading, typing
    import numpy as np
    import pandas as pd
    from research import Config
    from research.errors import UnstableValueError

    FACTOR = 3

    def function(x):
        return x * FACTOR

    def outer(factor):
        def local(x, *, shift=factor):
            return x * factor + shift if x in {"a", "b", "c"} else None
        return local

    def decorated(function):
        lock = threading.Lock()
        @functools.wraps(function)
        def call(x):
            with lock:
                return function(x) + 1
        return call

    @decorated
    def improved(x):
        return x

    @functools.lru_cache
    def cached(x):
        return x

    @dataclasses.dataclass
    class Point:
        x: int
        tags: frozenset = frozenset({"red", "green", "blue"})

    class Colour(enum.Enum):
        RED = 1

    class Access(enum.Flag):
        READ = 1
        WRITE = 2

    class Model:
        def __init__(self, width):
            self.width, self.names = width, {"one", "two", "three"}

        def area(self, height):
            return self.width * height

        @classmethod
        def make(cls):
            return cls(1)

        class Part:
            pass

    class Slots:
        __slots__ = ("left",)

        def __init__(self, left):
            self.left = left

    class Tags(set):
        pass

    class Missing:
        def __reduce__(self):
            return "MISSING"

    MISSING = Missing()
    Pair = collections.namedtuple("Pair", "a b")
    Item = typing.TypeVar("Item")
"""
VALUES = {
    "function": "function",
    "lambda": "lambda x: x + 1",
    "lambda with names and constants": "lambda x: np.sin(x) if x in ('a', 1.5, None) else function(x)",
    "local function": "outer(2)",
    "local function of a function": "outer(function)",
    "decorated function": "improved",
    "cached function": "cached",
    "cached lambda": "functools.lru_cache(lambda x: x + 2)",
    "partial": "functools.partial(function, x=outer(3))",
    "class": "Model",
    "class in a class": "Model.Part",
    "instance": "Model(3)",
    "instance with slots": "Slots(Model(3))",
    "method": "Model(3).area",
    "method of a class": "Model.make",
    "singleton": "MISSING",
    "dataclass": "Point(3)",
    "enum": "Colour.RED",
    "flag": "Access.READ | Access.WRITE",
    "namedtuple": "Pair(1, Point(2))",
    "type variable": "Item",
    "array": "np.arange(5)",
    "array of objects": "np.array([Point(1), 'a'], dtype=object)",
    "table": "pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})",
    "long double": "np.longdouble(0.1)",
    "nan": "float('nan')",
    "tuple": "(1, (2.5, None))",
    "set of texts": "{'red', 'green', 'blue', 'black', 'white'}",
    "set of many things": "{1, 'a', (2, 'b'), function, Colour.RED, None, 2.5}",
    "set of a class of its own": "Tags({'red', 'green', 'blue', 'black', 'white'})",
    "dict with keys of all kinds": "{1: 'a', 'b': 2, (3, 'c'): {4}, function: Model}",
    "bytes": "b'x'",
    "pattern": "re.compile('a+')",
}
HIDDEN = {
    "function of a hidden generator": "random.gauss",
    "builtin of a hidden generator": "random.random",
    "numpy's hidden generator": "np.random.normal",
}
REPORT = """
    hashes = {}
    for name, value in VALUES.items():
        try:
            hashes[name] = Config({"model": {"x": value}}).hash()
        except UnstableValueError:
            hashes[name] = "refused"
    print(json.dumps(hashes))
"""
COMMANDS = {
    "run": ["script.py"],
    "run again": ["script.py"],
    "run by name": ["-m", "script"],
    "imported": ["-c", "import script"],
    "imported late": ["-c", "import json, types, decimal; x = [object()] * 1000; import script"],
}


@pytest.fixture(scope="module")
def hashes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("script")
    lines = [f"{name!r}: {text}," for name, text in {**VALUES, **HIDDEN}.items()]
    parts = [textwrap.dedent(DEFINITIONS), "VALUES = {", *lines, "}", textwrap.dedent(REPORT)]
    (folder / "script.py").write_text("\n".join(parts))
    found = {}
    for seed, (name, command) in enumerate(COMMANDS.items()):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(folder)}
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        found[name] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", VALUES)
def test_the_hash_is_the_same_in_every_process(name, hashes):
    found = {way: hashes[way][name] for way in COMMANDS}
    assert found == dict.fromkeys(COMMANDS, found["run"])
    assert found["run"] != "refused"


@pytest.mark.parametrize("name", HIDDEN)
def test_functions_that_share_a_hidden_generator_have_one_hash_or_are_refused(name, hashes):
    assert len({hashes[way][name] for way in COMMANDS}) == 1


def test_different_values_of_one_script_have_different_hashes(hashes):
    found = [hash_ for hash_ in hashes["run"].values() if hash_ != "refused"]
    assert len(set(found)) == len(found)
