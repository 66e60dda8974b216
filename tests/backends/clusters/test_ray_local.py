"""Clusters of Ray that a study starts and ends, and what a process is like afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

import research
from research.backends.clusters.options import Ray
from tests.backends.clusters.raylets import until

ROOT = Path(research.__file__).parents[1]

BEGIN = """
import faulthandler, logging, os, signal
from research import EC, Domain, Research
from research.backends.clusters.options import Ray

def double(x):
    return 2 * x

def init():
    import ray
    ray.init(
        "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
    )

def run(name, function=double, **options):
    study = Research(name, Domain(x=range(6))).add_callable(function, x=EC("x"), save_to="y")
    study.run(workers=2, bar=False, **{"backend": "ray", **options})
    assert sorted(study.results.df["y"]) == [0, 2, 4, 6, 8, 10], study.results.df
"""


def run_script(tmp_path, code, **environment):
    """Run a script without a guard; return what it prints, to both streams."""
    script = tmp_path / "script.py"
    script.write_text(BEGIN + textwrap.dedent(code))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "", **environment}
    environment = {name: value for name, value in environment.items() if value}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.slow
def test_studies_print_nothing_of_ray_and_leave_the_process_as_it_was(tmp_path):
    """One after another, each with a cluster of its own, the second with a module of the user's."""
    mine = tmp_path / "mine" / "travelling"
    mine.mkdir(parents=True)
    (mine / "__init__.py").write_text("def twice(x):\n    return 2 * x\n")
    code = f"""
        import sys

        def state():
            logger = logging.getLogger("ray")
            handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
            loggers = [logging.getLogger().handlers[:], logging.getLogger().level]
            return handlers, loggers, dict(os.environ), logger.level if "ray" in sys.modules else None

        before = state()
        run("one")
        import ray
        between = logging.getLogger("ray").handlers[:]
        assert not ray.is_initialized()
        sys.path.insert(0, {str(mine.parent)!r})
        from travelling import twice
        run("two", twice, backend=Ray(runtime_env={{"py_modules": [{str(mine)!r}]}}))
        after = state()
        assert after[:3] == before[:3], (before, after)
        assert logging.getLogger("ray").handlers == between and between
    """
    assert run_script(tmp_path, code) == ("", "")


@pytest.mark.slow
def test_what_the_user_has_connected_stays(tmp_path):
    code = """
        init()
        import ray
        address = ray.get_runtime_context().gcs_address
        handler = signal.getsignal(signal.SIGTERM)
        run("one")
        run("two", address="auto")
        run("three", address=address)
        try:
            run("four", address="10.0.0.1:6379")
        except Exception as error:
            print(type(error).__name__, error)
        assert ray.is_initialized() and ray.get_runtime_context().gcs_address == address
        assert signal.getsignal(signal.SIGTERM) is handler
        assert ray.get(ray.remote(double).remote(4)) == 8
    """
    out, err = run_script(tmp_path, code)
    assert out.startswith("StudyError this process is connected to the cluster of Ray at ")
    assert "leave out `address='10.0.0.1:6379'`" in out
    assert err == ""


@pytest.mark.slow
def test_another_version_of_ray_is_refused_in_its_own_words(tmp_path):
    other = tmp_path / "other.py"
    other.write_text(
        BEGIN + "import ray, sys\nray.__version__ = '0.1.0'\nrun('other', address=sys.argv[1])\n"
    )
    code = f"""
        init()
        import ray, subprocess, sys
        address = ray.get_runtime_context().gcs_address
        done = subprocess.run([sys.executable, {str(other)!r}, address], capture_output=True, text=True)
        print(done.stderr)
    """
    out, _ = run_script(tmp_path, code)
    assert "StudyError: no connection to a cluster of Ray at" in out
    assert "Version mismatch" in out
    assert "Ray: 0.1.0" in out


@pytest.mark.slow
@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:9"])
def test_an_address_where_nobody_is_is_an_error_at_once(tmp_path, address):
    code = f"""
        try:
            run("one", address={address!r})
        except Exception as error:
            print(type(error).__name__, error)
    """
    out, err = run_script(tmp_path, code)
    assert out.startswith(
        f"StudyError no connection to a cluster of Ray at '{address}': ConnectionRefusedError"
    )
    assert "`ray start --head`" in out
    assert err == ""


def test_addresses_of_ray_client_are_refused():
    with pytest.raises(
        ValueError, match=r"`address='ray://head:10001'` is one of Ray Client, .* address='auto'"
    ):
        Ray("ray://head:10001")


@pytest.mark.slow
def test_without_ray_the_error_names_the_extra(tmp_path):
    code = """
        import sys
        sys.modules["ray"] = None
        try:
            run("one")
        except ImportError as error:
            print(error)
    """
    out, _ = run_script(tmp_path, code)
    assert "`backend='ray'` needs ray, which is not installed: pip install 'domain-research[ray]'" in out


@pytest.mark.slow
def test_ctrl_c_while_a_study_runs_ends_its_cluster(tmp_path):
    code = """
        import psutil, threading, time

        def slow(x):
            time.sleep(0.2)
            open("begun", "w").close()
            return 2 * x

        def interrupt():
            while not os.path.exists("begun"):
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        try:
            run("one", slow)
        except KeyboardInterrupt:
            print("interrupted")
        import ray
        assert not ray.is_initialized()
        gone, alive = psutil.wait_procs(psutil.Process().children(recursive=True), 20)
        print(alive)
    """
    out, _ = run_script(tmp_path, code)
    assert out == "interrupted\n[]\n"


@pytest.mark.slow
def test_nothing_is_left_of_a_driver_that_is_killed_with_its_cluster(tmp_path):
    (tmp_path / "tmp").mkdir()
    code = """
        import time

        def slow(x):
            open("begun", "w").close()
            time.sleep(60)

        run("one", slow)
    """
    script = tmp_path / "script.py"
    script.write_text(BEGIN + textwrap.dedent(code))
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(tmp_path / "tmp"),
        "RAY_TMPDIR": "/tmp",
    }
    with psutil.Popen([sys.executable, str(script)], env=environment) as driver:
        until((tmp_path / "begun").exists)
        everyone = driver.children(recursive=True)
        assert list((tmp_path / "tmp").glob("research-*"))
        own = [
            child for child in everyone if not child.name().endswith(("DashboardAgent", "RuntimeEnvAgent"))
        ]
        driver.kill()
    _, alive = psutil.wait_procs(own, 40)
    assert not alive
    for process in everyone:  # Ray itself leaves those two
        if process.is_running():
            process.kill()
    until(lambda: not list((tmp_path / "tmp").glob("research-*")))
