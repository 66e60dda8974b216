"""Draws beside values that look different once they have crossed to another process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

DEFINITIONS = """
    import dataclasses, functools, json, random, sys, threading
    import numpy as np
    from research import EC, Config, Domain, Research
    from samplers import NumpySampler

    def function(x):
        return x

    def outer(factor):
        return lambda x: x * factor

    def decorated(function):
        @functools.wraps(function)
        def call(x):
            return function(x) + 1
        return call

    def locked(function):
        lock = threading.Lock()
        @functools.wraps(function)
        def call(x):
            with lock:
                return function(x)
        return call

    def multiplied(function, factor, decorate=lambda function: function):
        @decorate
        @functools.wraps(function)
        def call(x):
            return function(x) * factor
        return call

    @decorated
    def improved(x):
        return x

    @locked
    def guarded(x):
        return x

    @functools.lru_cache
    def cached(x):
        return x

    @dataclasses.dataclass
    class Point:
        x: int

    class Model:
        def __init__(self, width):
            self.width, self.names = width, {"one", "two", "three"}

        def area(self, height):
            return self.width * height
"""
VALUES = {
    "text": "'text'",
    "function": "function",
    "lambda": "lambda x: x + 1",
    "lambda that calls a function": "lambda x: function(x)",
    "closure": "outer(2)",
    "closure over a function": "outer(function)",
    "decorated function": "improved",
    "decorated function that holds a lock": "guarded",
    "wrapped function": "multiplied(function, 2)",
    "wrapped function of another content": "multiplied(function, 3)",
    "cached function": "cached",
    "cached lambda": "functools.lru_cache(lambda x: x + 2)",
    "cached wrapped function": "multiplied(function, 2, functools.lru_cache)",
    "cached wrapped function of another content": "multiplied(function, 3, functools.lru_cache)",
    "partial": "functools.partial(function, x=outer(3))",
    "class": "Model",
    "instance": "Model(3)",
    "method": "Model(3).area",
    "dataclass": "Point(3)",
    "dict of functions": "{function: [improved], 'k': {cached}}",
    "array of objects": "np.array([Point(1), 'a'], dtype=object)",
    "function of a hidden generator": "random.gauss",
    "builtin of a hidden generator": "random.random",
    "numpy's hidden generator": "np.random.normal",
}
STUDY = """
    domain = Domain(x=list(VALUES.values())) * Domain(s=NumpySampler("normal"))
    study = Research("study", domain).add_callable("f", lambda s: s, s=EC("s"), save_to="used")
    study.run(workers=2, start_method=sys.argv[1], seed=0, bar=False)
    frame = study.results.to_df()
    hashes = [Config(x=value).hash() for value in VALUES.values()]
    print(json.dumps({"hash": hashes, "drawn": [config["s"] for config in domain],
                      "used": frame["used"].tolist(), "recorded": frame["s"].tolist()}))
"""


@pytest.fixture(scope="module", params=["fork", "spawn"])
def found(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("script")
    values = "\n".join(["VALUES = {", *(f"{name!r}: {text}," for name, text in VALUES.items()), "}\n"])
    (folder / "script.py").write_text(textwrap.dedent(DEFINITIONS) + values + textwrap.dedent(STUDY))
    done = subprocess.run(
        [sys.executable, "script.py", request.param], cwd=folder, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def test_a_worker_uses_what_is_recorded_and_what_the_domain_says(found):
    columns = {key: dict(zip(VALUES, found[key], strict=True)) for key in ("drawn", "recorded", "used")}
    assert columns["used"] == columns["recorded"] == columns["drawn"]


def test_different_values_have_different_hashes_and_draws(found):
    assert len(set(found["hash"])) == len(set(found["used"])) == len(VALUES)
