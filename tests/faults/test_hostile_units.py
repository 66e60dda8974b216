"""Units that do to their process what no unit should: their experiment tells why it came to nothing, and no
other suffers.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import pytest

from research import EC, Domain, Research

HOWS = {
    "fork": {"workers": 2},
    "spawn": {"workers": 2, "start_method": "spawn"},
    "process per task": {"workers": 2, "isolation": "experiment"},
    "process per task, spawn": {"workers": 1, "isolation": "experiment", "start_method": "spawn"},
    "inline": {"parallel": False},
    "dask": {"workers": 2, "backend": "dask"},
}
CLOSED = "exit code 121, as files of the worker had been closed"


def close_files():
    os.closerange(3, 256)


def close_and_open_others():
    os.closerange(0, 256)
    for _ in range(40):
        os.open(os.devnull, os.O_RDWR)
    time.sleep(0.4)  # long enough for a worker to send what it has


def remove_directory():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    shutil.rmtree(folder)


class Odd(BaseException):
    pass


def raise_odd():
    raise Odd("odd")


def raise_from_keyboard():
    raise KeyboardInterrupt


def raise_generator_exit():
    raise GeneratorExit("no more")


def raise_group():
    raise BaseExceptionGroup("two", [KeyboardInterrupt(), ValueError("x")])


def recurse():
    return recurse()


def crash():
    import ctypes
    import faulthandler

    faulthandler.disable()
    ctypes.string_at(0)


def exhaust_stack():
    import faulthandler

    faulthandler.disable()
    sys.setrecursionlimit(10**8)
    nested = []
    for _ in range(10**6):
        nested = [nested]
    repr(nested)


def lower_limits():
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def forbid_writing():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    print("there is no room for this")


def use_pool():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]


def leave_threads():
    for _ in range(3):
        threading.Thread(target=time.sleep, args=[600]).start()


def leave_process_with_files():
    subprocess.Popen(["sleep", "600"], close_fds=False)


def leave_session():
    subprocess.Popen(["sleep", "3"], close_fds=False, start_new_session=True)


def ignore_signals():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def leave_group():
    with contextlib.suppress(PermissionError):  # of who leads one
        os.setsid()


def close_streams():
    sys.stdout.close()
    sys.stderr.close()


def replace_streams():
    sys.stdout, sys.stderr = None, 5


def make_warnings_errors():
    warnings.simplefilter("error")
    import gc

    gc.disable()


def lower_recursion_limit():
    sys.setrecursionlimit(200)


def fail_where_nobody_can_say_why():
    class Mute(Exception):
        def __str__(self):
            sys.exit("never shown")

        __repr__ = __str__

    raise Mute


def fail_at_length():
    raise ValueError("x" * 10**7)


def fail_with_what_ends_its_pickling():
    class Fatal(Exception):
        def __reduce__(self):
            sys.exit("never shown")

    raise Fatal("of that")


# what they do, how their experiment ends, why
AT_ONCE = {
    close_files: ("lost", CLOSED),
    close_and_open_others: ("lost", CLOSED),
    remove_directory: ("done", None),
    lambda: os._exit(0): ("lost", "exit code 0"),
    lambda: os._exit(3): ("lost", "exit code 3"),
    lambda: sys.exit(): ("failed", "SystemExit"),
    lambda: sys.exit("text"): ("failed", "SystemExit: text"),
    raise_odd: ("failed", "Odd: odd"),
    raise_from_keyboard: ("failed", "KeyboardInterrupt"),
    raise_generator_exit: ("failed", "GeneratorExit: no more"),
    raise_group: ("failed", "BaseExceptionGroup: two"),
    recurse: ("failed", "RecursionError"),
    crash: ("lost", "SIGSEGV"),
    exhaust_stack: ("lost", "SIGSEGV"),
    lambda: os.kill(os.getpid(), signal.SIGUSR1) or time.sleep(5): ("lost", "SIGUSR1"),
    lambda: os.killpg(0, signal.SIGKILL): ("lost", "SIGKILL"),
    use_pool: ("done", None),
    leave_threads: ("done", None),
    leave_process_with_files: ("done", None),
    leave_session: ("done", None),
    leave_group: ("done", None),
    close_streams: ("done", None),
    fail_where_nobody_can_say_why: ("failed", "Mute: <its text cannot be shown: SystemExit>"),
    fail_at_length: ("failed", "ValueError: xxx"),
    fail_with_what_ends_its_pickling: ("failed", "Fatal: of that"),
}
LASTING = {  # (a pool, say, cannot end its processes where SIGTERM is ignored)
    lower_limits: ("done", None),
    forbid_writing: (("done", "failed"), "OSError|nan"),
    ignore_signals: ("done", None),
    make_warnings_errors: ("done", None),
    lower_recursion_limit: (("done", "failed"), "RecursionError|nan"),
    replace_streams: ("done", None),
}


def ends(study):
    """Return how experiments have ended, by their parameter `n`."""
    configs = study.results.configs
    return {configs[row.id]["n"]: row for row in study.results.statuses_to_df().itertuples()}


def do(n, acts):
    here = os.getcwd()
    if n % 2:
        acts[n // 2]()
    return [n, here]


@pytest.mark.parametrize(
    "how",
    [
        *("fork", "spawn", "process per task", "process per task, spawn"),
        pytest.param("dask", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("hostile", [AT_ONCE, LASTING], ids=["at once", "lasting"])
def test_no_other_experiment_suffers(how, hostile):
    acts = list(hostile)
    study = Research("study", Domain(n=range(2 * len(acts))))
    study.add_callable("do", do, n=EC("n"), acts=acts, save_to="v")
    study.run(bar=False, seed=1, **HOWS[how])
    found = ends(study)
    values = dict(study.results.df[["n", "v"]].itertuples(index=False))
    for n in range(0, 2 * len(acts), 2):
        assert (found[n].status, values[n]) == ("done", [n, os.getcwd()]), acts[n // 2]
    for place, act in enumerate(acts):
        status, reason = hostile[act]
        row = found[2 * place + 1]
        assert row.status in (status if isinstance(status, tuple) else (status,)), (act, row)
        if reason is not None:
            assert re.search(reason, str(row.error)), (act, row.error)
    assert max(len(str(row.error)) for row in found.values()) < 2**21
    assert not Path("study/research.lock").exists()


def test_without_processes_the_keyboard_and_nothing_else_stops_a_study():
    acts = [
        remove_directory,
        raise_odd,
        raise_generator_exit,
        raise_group,
        lambda: sys.exit(2),
        close_streams,
    ]
    study = Research("study", Domain(n=range(2 * len(acts))))
    study.add_callable("do", do, n=EC("n"), acts=acts, save_to="v").run(bar=False, parallel=False)
    assert study.monitor.counts == {"done": 8, "failed": 4}
    values = dict(study.results.df[["n", "v"]].itertuples(index=False))
    assert all(values[n] == [n, os.getcwd()] for n in range(0, 2 * len(acts), 2))
    stopped = Research("stopped", Domain(n=range(2))).add_callable(
        "do", do, n=EC("n"), acts=[raise_from_keyboard], save_to="v"
    )
    with pytest.raises(KeyboardInterrupt):
        stopped.run(bar=False, parallel=False)
    assert stopped.monitor.counts == {"done": 1, "stopped": 1}


def note(n, who):
    with open("notes.txt", "a") as file:
        file.write(f"{n} {who} {os.getpid()}\n")


def fork(n, how):
    """Fork; the child goes on as if it were the unit."""
    pid = os.fork()
    if pid == 0 and how == "exits":
        sys.exit(5)
    if pid == 0 and how == "raises":
        raise ValueError("in the child")
    if pid == 0 and how == "is interrupted":
        raise KeyboardInterrupt
    if pid == 0:
        return "of the child"
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


CODES = {"returns": 0, "exits": 5, "raises": 1, "is interrupted": 1}


@pytest.mark.parametrize(
    "how", [pytest.param(how, marks=pytest.mark.slow if how == "dask" else ()) for how in HOWS]
)
@pytest.mark.parametrize("branches", [1, 2])
def test_a_child_that_a_unit_forks_is_no_second_worker(how, branches):
    """It ends where the unit ends: nothing that it does is taken for the experiment's."""
    study = Research("study", Domain(n=range(3)) * Domain(how=list(CODES)))
    study.add_callable("fork", fork, n=EC("n"), how=EC("how"), save_to="code")
    study.dump("code", when=1)
    study.add_callable("note", note, n=EC("n"), who=EC("how"))
    study.run(bar=False, n_iters=2, branches=branches, **HOWS[how])
    assert study.monitor.counts == {"done": 12}
    table = study.results.df
    assert (table["code"] == table["how"].map(CODES)).all()
    assert len(table) == 24
    assert len(Path("notes.txt").read_text().splitlines()) == 24


def test_a_child_that_is_forked_while_an_instance_is_made():
    class Forking:
        def __init__(self):
            self.pid = os.fork()
            if self.pid:
                os.waitpid(self.pid, 0)

        def who(self):
            return self.pid > 0

    study = Research("study", Domain(n=range(4))).add_instance("it", Forking)
    study.add_callable("it.who", save_to="is_parent").run(bar=False, workers=2)
    assert study.results.df["is_parent"].tolist() == [True] * 4


class Refuses:
    """Cannot be pickled, in one way or another."""

    def __init__(self, how):
        self.how = how

    def __reduce__(self):
        return self.how()

    def __eq__(self, other):
        raise RuntimeError("no")

    __repr__ = __hash__ = __eq__


def no_reduce():
    raise RuntimeError("no reduce")


def interrupt():
    raise KeyboardInterrupt("in the middle")


REFUSED = [
    (lambda: (n for n in range(3)), "failed", r"do: TypeError: 'v' was not saved: .*generator"),
    (lambda: Refuses(no_reduce), "failed", r"'v' was not saved: a value of type Refuses.*no reduce"),
    (lambda: Refuses(sys.exit), "failed", r"'v' was not saved: a value of type Refuses"),
    (lambda: Refuses(interrupt), "failed", r"KeyboardInterrupt: in the middle"),
    (lambda: Refuses(lambda: os._exit(7)), "lost", "exit code 7"),
    (sys._getframe, "failed", r"'v' was not saved: .*frame"),
]


def make(n):
    return n if n % 2 else REFUSED[n // 2][0]()


@pytest.mark.parametrize("how", ["fork", "process per task"])
def test_values_that_cannot_be_pickled(how):
    study = Research("study", Domain(n=range(2 * len(REFUSED))))
    study.add_callable("do", make, n=EC("n"), save_to="v").run(bar=False, **HOWS[how])
    found = ends(study)
    for place, (_, status, reason) in enumerate(REFUSED):
        assert found[2 * place].status == status
        assert re.search(reason, found[2 * place].error)
    values = study.results.df.dropna(subset="v")
    assert values["v"].tolist() == values["n"].tolist() == list(range(1, 2 * len(REFUSED), 2))


def test_a_worker_that_can_say_nothing_any_more_takes_its_tasks_along_once():
    """Else they would be handed out for ever."""

    def spoil(n):
        import pickle

        if n == 1:
            pickle.dumps = None
        return n

    study = Research("study", Domain(n=range(4))).add_callable(spoil, n=EC("n"), save_to="v")
    study.run(bar=False, workers=1)
    assert ends(study)[1].status == "lost"
    assert sum(study.monitor.counts.values()) == 4
