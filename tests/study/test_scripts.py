"""Studies defined where people define them: scripts with and without a guard, notebooks, the prompt."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import nbclient
import nbformat
import pytest

from research import Research, ResearchResults

SCRIPT = """
    import json
    from dataclasses import dataclass
    from research import *
    from samplers import NumpySampler

    FACTOR = 3
    DATA = list(range(100))

    @dataclass
    class Shift:
        by: int

    class Model:
        def __init__(self, width):
            self.width = width

        def area(self, height):
            return self.width * height * FACTOR

    def activation(x):
        return x + DATA[x]

    def gauss(x):
        return x * x

    def work(a, function, shift, random):
        return function(a) + shift.by + random.random()

    functions = Domain(function=[activation, gauss, lambda x: x + FACTOR])
    domain = Domain(a=range(6), shift=[Shift(1), Shift(2)]) * functions * Domain(s=NumpySampler("normal"))
    study = Research("study", domain).add_instance("model", Model, width=EC("a")).add_namespace(globals())
    arguments = {"a": EC("a"), "function": EC("function"), "shift": EC("shift"), "random": E().random}
    study.add_callable(work, save_to="w", **arguments)
    study.add_callable("model.area", height=2, save_to="area").gauss(x=EC("a"), save_to="square")
"""
RUN = """
    study.run(workers=2, seed=1, bar=False, start_method={method!r})
    print(json.dumps([study.monitor.counts, sorted(zip(study.results.df["id"], study.results.df["w"]))]))
"""


def write(path, *parts):
    path.write_text("".join(map(textwrap.dedent, parts)))
    return path


def run(*arguments):
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    write(folder / "script.py", SCRIPT, RUN.format(method="fork"))
    return run("-c", f"import os, sys; os.chdir({str(folder)!r}); sys.path.insert(0, ''); import script")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_script_needs_no_guard(method, tmp_path, reference):
    output = run(write(tmp_path / "script.py", SCRIPT, RUN.format(method=method)))
    assert '{"done": 36}' in output
    assert output == reference  # which comes from importing the script


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_module_run_by_name_is_known_by_it(method, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    write(package / "script.py", SCRIPT, RUN.format(method=method))
    as_program = run("-m", "package.script")
    assert '{"done": 36}' in as_program
    (tmp_path / "study").rename(tmp_path / "first")
    assert run("-c", "import package.script") == as_program


def test_code_given_on_the_command_line_works():
    assert (
        run(
            "-c",
            "from research import *\n"
            "def f(a): return a + 1\n"
            "study = Research('study', Domain(a=[1, 2])).add_callable(f, a=EC('a'), save_to='b')\n"
            "print(study.run(workers=2, start_method='spawn', bar=False).results.df['b'].tolist())\n",
        )
        == "[2, 3]"
    )


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_notebook_works(method, tmp_path):
    cells = [
        nbformat.v4.new_code_cell(textwrap.dedent(SCRIPT).strip()),
        nbformat.v4.new_code_cell(textwrap.dedent(RUN.format(method=method)).strip()),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    output = "".join(item.get("text", "") for item in notebook.cells[-1].outputs)
    assert '{"done": 36}' in output


def test_a_notebook_that_is_shut_down_leaves_its_detached_study_alone(tmp_path):
    cell = """
        import time
        from pathlib import Path
        from research import *

        def slow(a):
            while not Path(FOLDER, "gate").exists():
                time.sleep(0.02)
            return a

        FOLDER = str(Path.cwd())
        study = Research("study", Domain(a=range(4))).add_callable(slow, a=EC("a"), save_to="b")
        study.run(workers=2, detach=True)
        print(study.is_finished)
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip())])
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=60, resources=resources).execute()
    assert [item["text"] for item in notebook.cells[0].outputs] == ["False\n"]
    (tmp_path / "gate").touch()
    assert Research.load(tmp_path / "study").wait(60)
    assert sorted(ResearchResults(tmp_path / "study").df["b"]) == [0, 1, 2, 3]
