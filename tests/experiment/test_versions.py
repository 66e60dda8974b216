"""What the code of units is: what counts in it, what does not, and that it is the same in every process."""

from __future__ import annotations

import enum
import functools
import importlib
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import dill
import numpy as np
import pytest

from research import EC, E, Experiment, O
from research.experiment.following import MOST_ITEMS
from research.experiment.versions import Version, join_codes

CODE = {
    "plain": "def f(x): return x + 1",
    "docstring": 'def f(x):\n    "Says what it does."\n    return x + 1',
    "lines": "def f(\n    x,\n):  # a comment\n\n    return (\n        x\n        + 1\n    )",
    "annotated": "def f(x: int) -> int: return x + 1",
    "constant": "def f(x): return x + 2",
    "operation": "def f(x): return x - 1",
    "type": "def f(x): return x + 1.0",
    "default": "def f(x=1): return x + 1",
    "other default": "def f(x=2): return x + 1",
    "keyword": "def f(*, x): return x + 1",
    "global": "K = 1\ndef f(x): return x + K",
    "other global": "K = 2\ndef f(x): return x + K",
    "list": "K = [1, 2]\ndef f(x): return x + K[0]",
    "other list": "K = [1, 3]\ndef f(x): return x + K[0]",
    "array": "import numpy as np\nK = np.arange(3)\ndef f(x): return x + K[0]",
    "other array": "import numpy as np\nK = np.arange(4)\ndef f(x): return x + K[0]",
    "helper": "def g(x): return 1\ndef f(x): return g(x)",
    "other helper": "def g(x): return 2\ndef f(x): return g(x)",
    "in a comprehension": "def g(x): return 1\ndef f(x): return [g(y) for y in x]",
    "other in a comprehension": "def g(x): return 2\ndef f(x): return [g(y) for y in x]",
    "inner": "def f(x):\n    def h(): return 1\n    return h()",
    "other inner": "def f(x):\n    def h(): return 2\n    return h()",
    "closure": "def make(k):\n    def f(x): return x + k\n    return f\nf = make(1)",
    "other closure": "def make(k):\n    def f(x): return x + k\n    return f\nf = make(2)",
    "cycle": "def g(x): return f(x)\ndef f(x): return g(x) + 1",
    "other cycle": "def g(x): return f(x)\ndef f(x): return g(x) + 2",
    "wrapped": "from functools import cache\n@cache\ndef f(x): return 1",
    "other wrapped": "from functools import cache\n@cache\ndef f(x): return 2",
    "partial": "from functools import partial\ndef g(x, y): return x\nf = partial(g, y=1)",
    "other partial": "from functools import partial\ndef g(x, y): return x\nf = partial(g, y=2)",
    "static": "class C:\n    @staticmethod\n    def m(): return 1\ndef f(x): return C.m()",
    "other static": "class C:\n    @staticmethod\n    def m(): return 2\ndef f(x): return C.m()",
    "property": "class C:\n    @property\n    def m(self): return 1\ndef f(x): return C().m",
    "other property": "class C:\n    @property\n    def m(self): return 2\ndef f(x): return C().m",
    "base": "class B:\n    def m(self): return 1\nclass C(B): pass\ndef f(x): return C().m()",
    "other base": "class B:\n    def m(self): return 2\nclass C(B): pass\ndef f(x): return C().m()",
    "super": "class B: k = 1\nclass C(B):\n    def m(self): return super().k\ndef f(x): return C().m()",
    "other super": "class B: k = 2\nclass C(B):\n    def m(self): return super().k\ndef f(x): return C().m()",
    "method": "class C:\n    def m(self, x): return 1\nf = C().m",
    "other method": "class C:\n    def m(self, x): return 2\nf = C().m",
    "callable": "class C:\n    def __call__(self, x): return 1\nf = C()",
    "other callable": "class C:\n    def __call__(self, x): return 2\nf = C()",
    "state": "class C:\n    def __init__(self): self.k = 1\n    def __call__(self): return 1\nf = C()",
    "other state": "class C:\n    def __init__(self): self.k = 2\n    def __call__(self): return 1\nf = C()",
    "enum": "import enum\nclass C(enum.Enum):\n    A = 1\ndef f(x): return C.A.value",
    "other enum": "import enum\nclass C(enum.Enum):\n    A = 2\ndef f(x): return C.A.value",
    "dataclass": "import dataclasses as d\n@d.dataclass\nclass C: k: int = 1\ndef f(x): return C().k",
    "other dataclass": "import dataclasses as d\n@d.dataclass\nclass C: k: int = 2\ndef f(x): return C().k",
    "generator": "def f(x): yield 1",
    "other generator": "def f(x): yield 2",
    "set": "def f(x): return x in {'a', 'b', 'c'}",
    "other set": "def f(x): return x in {'a', 'b', 'd'}",
}
SAME = {"plain": "docstring"}  # other pairs are of the form `name` and `other name`


def made(text, **kwargs):
    """Return the version of an experiment with the function `f` of a program."""
    variables = {"__name__": "__main__"}
    exec(compile(text, "<program>", "exec"), variables)
    kwargs = kwargs or {"x": EC("x")}
    return Version.of(Experiment().add_executable_unit("f", variables["f"], **kwargs))


@pytest.mark.parametrize("name", CODE)
def test_a_program_has_one_version_and_what_differs_another(name):
    version = made(CODE[name])
    again = made(CODE[name])
    assert version.id == again.id
    assert version.differences(again.form) == ([], [])
    known = {other for other in CODE if made(CODE[other]).id == version.id}
    alike = {"plain", "docstring", "lines", "annotated"}
    assert known == (alike if name in alike else {name})
    for other in set(CODE) - known:
        (difference,), unclear = version.differences(made(CODE[other]).form)
        assert difference.unit == "'f'"
        assert not unclear


ARGUMENTS = [
    {"x": 1},
    {"x": 1.0},
    {"x": "1"},
    {"x": EC("a")},
    {"x": EC("b")},
    {"x": EC("a") + 1},
    {"x": EC("a") + 2},
    {"x": EC("a") - 1},
    {"x": [1, {"a": (EC("a"), {1, 2})}]},
    {"x": [1, {"a": (EC("a"), {1, 3})}]},
    {"x": O("f")},
    {"x": E("f")},
    {"x": np.mean},
    {"x": np.median},
    {"x": np.sin},
    {"x": np.cos},
    {"x": np.zeros(3)},
    {"x": np.zeros(4)},
    {"x": max},
    {"x": min},
    {"args": [1]},
    {"args": [2]},
    {"x": 1, "when": 2},
    {"x": 1, "when": "last"},
    {"x": 1, "save_to": "a"},
    {"x": 1, "save_to": ["a"]},
    {"x": 1, "save_output_dict": True},
    {"x": 1, "root": True},
    {"x": 1, "dump": 1},
    {"x": 1, "mode": "generator"},
]


def test_how_a_unit_was_added_counts():
    forms = [made(CODE["plain"], **arguments) for arguments in ARGUMENTS]
    assert len({version.id for version in forms}) == len(ARGUMENTS)
    assert [version.id for version in forms] == [made(CODE["plain"], **given).id for given in ARGUMENTS]
    ((difference,), _) = forms[0].differences(forms[1].form)
    assert str(difference) == "'f' (what it is called with, or how)"


class Color(enum.Enum):
    RED = "red"


@dataclass
class Model:
    width: int = 2
    shade: Color = Color.RED
    parts: list = field(default_factory=list)

    def area(self, height):
        return height * self.width


class Hostile:
    """Answers whatever it is asked with an error."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


class Foreign(threading.local):
    pass


def test_objects_count_by_class_and_state():
    def version(model):
        return Version.of(Experiment().add_callable("area", model.area, height=1))

    assert version(Model()).id == version(Model()).id
    assert version(Model()).id != version(Model(3)).id
    assert version(Model()).id != version(Model(parts=[1])).id
    model = Model()
    model.parts.append(model)
    assert version(model).id == version(model).id
    names = [part.name for part in version(Model()).units["'area'"]]
    assert {"Model", "Model.area", "Color"} <= set(names)


def test_what_may_do_anything_does_nothing():
    experiment = Experiment().add_callable(
        "f", print, args=[Hostile(), Foreign(), threading.Lock(), object()]
    )
    version = Version.of(experiment)
    assert version.differences(version.form) == ([], [])


def test_what_is_large_counts_by_its_length():
    def version(n, last):
        return made(CODE["plain"], x=[*range(n), last]).id

    assert version(MOST_ITEMS - 1, 0) != version(MOST_ITEMS - 1, 1)
    assert version(MOST_ITEMS, 0) == version(MOST_ITEMS, 1)
    assert version(MOST_ITEMS, 0) != version(MOST_ITEMS + 1, 0)


def test_values_that_share_and_nest_are_looked_at_for_a_limited_time():
    value = [1]
    for _ in range(200):
        value = [value, value]
    assert made(CODE["plain"], x=value).id == made(CODE["plain"], x=value).id


class Actions:
    """A pipeline that holds functions of the user among other things."""

    def __init__(self, *functions):
        self._actions = [{"name": "apply", "args": (function,)} for function in functions]


Actions.__module__ = "threading"  # as if it were a library's


def test_functions_in_objects_of_others_count():
    def version(text):
        variables = {"__name__": "__main__"}
        exec(compile(text, "<program>", "exec"), variables)
        return Version.of(Experiment().add_callable("f", print, args=[Actions(variables["f"])]))

    assert version(CODE["helper"]).id == version(CODE["helper"]).id
    assert version(CODE["helper"]).id != version(CODE["other helper"]).id


def test_units_instances_and_an_executor():
    def version(*names, executor=None):
        experiment = Experiment()
        for name in names:
            experiment.add_callable(name, len, args=[[1]])
        return Version.of(experiment.add_instance("model", Model, width=1), executor)

    def told(new, old):
        return [str(difference) for difference in new.differences(old.form)[0]]

    assert told(version("a", "b"), version("a", "b")) == []
    assert told(version("a", "b"), version("a")) == ["'b' is new"]
    assert told(version("a"), version("a", "b")) == ["'b' is gone"]
    assert told(version("b", "a"), version("a", "b")) == ["the order of units is another"]
    assert told(version("a", executor=Model), version("a")) == ["`executor_class` is new"]


def test_of_many_differences_some_are_named():
    def version(last):
        helpers = "".join(f"def g{number}(): return {number + last}\n" for number in range(20))
        return made(f"{helpers}def f(x): return [{', '.join(f'g{number}()' for number in range(20))}]")

    ((difference,), _) = version(0).differences(version(1).form)
    assert str(difference) == "'f' (g0; g1; g2; g3; g4; g5; g6; g7; and 12 more)"


def test_a_version_that_is_stored_says_the_same():
    version = made(CODE["dataclass"])
    stored = Version.of_form(version.form)
    assert stored.form == version.form
    assert stored.id == version.id
    assert stored.differences(version.form) == version.differences(stored.form) == ([], [])


def test_of_one_code_that_is_kept_which_says_more():
    known = {"python": "p", "parts": [["f", "1", "2"]], "units": {"f": [0]}}
    unknown = {"python": "p", "parts": [["f", "1", None]], "units": {"f": [0]}}
    codes = [{"versions": {"a": unknown}, "kept": ["b"]}, {}, {"versions": {"a": known, "c": unknown}}]
    for order in (codes, codes[::-1]):
        assert join_codes(order) == {"versions": {"a": known, "c": unknown}, "kept": ["b"]}


PROGRAM = """
import functools, sys
from research import EC, Experiment
from research.experiment.versions import Version

NAMES = {"x", "y", "z", "a", "b"}

def wrap(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

class Model:
    sizes = frozenset({"p", "q", "r"})

    def run(self, a):
        return [len(name) for name in NAMES if name in {"u", "v", "w"}]

@wrap
def f(a):
    return Model().run(a)

def experiment():
    units = Experiment().add_instance("model", Model).add_callable("model.run", a={"i", "j", "k"})
    return units.add_callable("f", f, a=EC("a"))

if __name__ == "__main__" and len(sys.argv) == 1:
    print(Version.of(experiment()).id)
"""


def test_a_version_is_the_same_in_every_process_and_after_pickling():
    Path("program.py").write_text(PROGRAM)
    load = "import dill, sys\nfrom research.experiment.versions import Version\n"
    dump = (
        "import sys; sys.argv = ['program.py', 'x']\n"
        "exec(compile(open('program.py').read(), 'program.py', 'exec'))\n"
        "import dill; dill.dump(experiment(), open('pickled', 'wb'), recurse=True)\n"
    )
    commands = [
        ["program.py"],
        ["-c", "import program; print(program.Version.of(program.experiment()).id)"],
        ["-c", dump],
        ["-c", load + "print(Version.of(dill.load(open('pickled', 'rb'))).id)"],
    ]
    ids = set()
    for number, command in enumerate([*commands, *commands]):
        environment = {**os.environ, "PYTHONHASHSEED": str(number)}
        done = subprocess.run(
            [sys.executable, *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        ids.update(done.stdout.split())
    assert len(ids) == 1


def test_a_module_that_is_imported_in_a_call_counts_as_it_is_in_its_file(monkeypatch):
    monkeypatch.syspath_prepend(str(Path.cwd()))
    Path("own_late.py").write_text("K = 1")
    Path("own_early.py").write_text("def f():\n    import own_late, json\n    return own_late.K")
    early = importlib.import_module("own_early")

    def version():
        return Version.of(Experiment().add_callable("f", early.f))

    before = version()
    assert [part.name for part in before.units["'f'"]] == ["", "f", "module own_late"]
    assert early.f() == 1  # now it has been imported
    assert version().id == before.id
    Path("own_late.py").write_text('"K counts."\nK = 1  # one')
    assert version().id == before.id
    Path("own_late.py").write_text("K = 2")
    assert version().id != before.id


def test_what_is_run_often_is_the_same_code():
    @functools.cache
    def first(n):
        return n if n < 2 else first(n - 1) + first(n - 2)

    def version():
        return Version.of(Experiment().add_callable("first", first, args=[5])).id

    before = version()
    first(300)
    assert version() == before


def test_a_pickled_experiment_has_the_code_that_it_had():
    experiment = (
        Experiment().add_callable("f", lambda x: np.mean(x) + 1, x=[1]).add_callable("g", max, args=[1, 2])
    )
    assert Version.of(dill.loads(dill.dumps(experiment, recurse=True))).id == Version.of(experiment).id
