"""When processes began."""

import os
import subprocess
import sys

import psutil

from research.beginnings import start_of, time_of_start


def test_it_is_the_time_that_psutil_says():
    assert abs(time_of_start(os.getpid()) - psutil.Process().create_time()) < 2  # clocks may be set meanwhile


def test_who_has_ended_did_not_begin():
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        process.stdout.read()  # it has ended or is about to, and nobody has asked how
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert start_of(process.pid) is None
        assert time_of_start(process.pid) is None
    assert time_of_start(process.pid) is None


def test_a_run_in_processes_does_without_psutil(tmp_path):
    (tmp_path / "study.py").write_text(
        "import sys\n"
        "from research import Domain, EC, Research\n"
        "def unit(a):\n"
        "    return a\n"
        "study = Research('study', Domain(a=[1, 2])).add_callable(unit, a=EC('a'), save_to='b')\n"
        "study.run(workers=2, bar=False)\n"
        "print(sorted(name for name in ('psutil', 'pandas', 'sqlalchemy') if name in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "study.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
