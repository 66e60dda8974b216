"""Files of parameters, and programs that read them, report, and are run by a shell or a study."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import research

ROOT = Path(research.__file__).parents[1]

SEVEN = """\
seconds_15__stop_threshold__fast = 12.3
seconds_15__stop_threshold__slow = 7.2
seconds_30__stop_threshold__fast = 22.2
seconds_30__stop_threshold__slow = 17.9
# more things...
overall__decay_rate_int = 5
runtime__single_trigger_bool = 1
runtime__exit_check_choice = ["custom", "defined", "30 seconds", "on-demand"]
"""


def write(name, text):
    path = Path(name)
    path.write_text(textwrap.dedent(text))
    return path


def program(text, name="prog.py"):
    """Write a program that has a ParameterStore; return the beginning of its command line."""
    begin = f"import sys, time\nsys.path.insert(0, {str(ROOT)!r})\nfrom research import ParameterStore\n"
    Path(name).write_text(begin + textwrap.dedent(text))
    return f"{sys.executable} {os.path.abspath(name)}"


BOWL = """
    params = ParameterStore()
    x, n = params.x, params.n_int
    with params.report() as results:
        results.update(bowl={"loss": (x - len(sys.argv[1])) ** 2 + abs(n - 3)}, seen={"data": sys.argv[1]})
"""
BOWL_PARAMETERS = "x = 30\nn_int = 9\n"
