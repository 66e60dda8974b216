"""A program whose files are edited between its runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from research import ResearchResults

FILES = {
    "mine/__init__.py": "",
    "mine/models.py": """
        from mine import tools
        from mine.layers import Layer
        import other

        RATE = 2

        def fit(a, scale=1):
            from .late import nothing

            with open("calls", "a") as file:
                file.write(f"{a} ")
            if a == 3:
                raise ValueError("three is not allowed")
            return other.base(tools.double(a)) * RATE * scale + Layer(1).size() + nothing()
    """,
    "mine/layers.py": """
        class Layer:
            width = 1

            def __init__(self, size):
                self._size = size

            def size(self):
                return self._size * self.width
    """,
    "mine/tools.py": """
        OPTIONS = {"factor": 2, "names": ["x"]}

        def double(a):
            # twice as much
            return a * OPTIONS["factor"]

        def unused(a):
            return a
    """,
    "mine/late.py": """
        def nothing():
            return 0
    """,
    "other.py": "def base(a): return a\n",
    "script.py": """
        import json, sys
        from research import EC, Domain, Research
        from research.errors import StudyError
        from mine.models import fit

        def describe():
            study = Research("study", Domain(a=[1, 2, 3]))
            return study.add_callable("fit", fit, a=EC("a"), save_to="b")

        study = describe()
        if "load" in sys.argv:
            study = Research.load("study")
        options = json.loads(sys.argv[1])
        more = options.pop("more", [])
        if more:
            study.domain = Domain(a=more)
        try:
            study.run(bar=False, **{"resume": True, **options})
            study.wait()
            print(json.dumps(study.monitor.counts))
        except StudyError as error:
            print(str(error) or "stopped")
    """,
}
DONE = '{"done": 2, "failed": 1}'


def write(path, text):
    path = Path(path)
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    os.utime(path, (0, path.stat().st_mtime - 100))  # as if it had been there for a while


def edit(path, before, after):
    text = Path(path).read_text()
    assert before in text
    write(path, text.replace(before, after))


def go(*arguments, **options):
    """Run the script; return the last line that it printed, and what was run."""
    environment = {**os.environ, "PYTHONPATH": f"{Path.cwd()}:{os.environ.get('PYTHONPATH', '')}"}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [sys.executable, "script.py", json.dumps(options), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert not done.returncode, done.stderr
    calls = Path("calls")
    called = sorted(calls.read_text().split()) if calls.exists() else []
    calls.unlink(missing_ok=True)
    return done.stdout.strip().splitlines()[-1], called


def write_files():
    for path, text in FILES.items():
        write(path, text)


def statuses():
    return ResearchResults("study").statuses_to_df()
