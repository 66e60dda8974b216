"""A worker begins a task when its devices have room, and leaves it to others when they have none."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from research import Domain, Research, ResearchResults
from research.backends.base import MemoryCheck, WorkerSpec
from research.backends.memory import Gate, ask_nvml
from research.errors import StudyError
from research.events import CheckFailed, Memory, Retired, Waiting

GIB = 2**30
FULL, EMPTY = [GIB, 16 * GIB], [15 * GIB, 16 * GIB]
HOW = {
    "fork": {"start_method": "fork"},
    "spawn": {"start_method": "spawn"},
    "fork, long-lived": {"start_method": "fork", "isolation": "worker"},
    "spawn, long-lived": {"start_method": "spawn", "isolation": "worker"},
}
STAND_IN = str(Path(__file__).parent / "nvml")


@pytest.fixture(params=list(HOW))
def how(request):
    """Return each way to run workers in turn."""
    return HOW[request.param]


@pytest.fixture
def nvml(monkeypatch, tmp_path):
    """Return a function that says what devices have: each a list, in the order in which it is told."""
    monkeypatch.syspath_prepend(STAND_IN)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.setenv("NVML_STATE", str(tmp_path / "nvml.json"))

    def say(**devices):
        Path("nvml.part").write_text(json.dumps({name.strip("_"): told for name, told in devices.items()}))
        Path("nvml.part").replace("nvml.json")

    yield say
    sys.modules.pop("pynvml", None)


def until_exists(path):
    """Wait for a file."""
    deadline = time.monotonic() + 60
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.01)


def visible(after):
    """Return the devices of this worker, when a file is there."""
    until_exists(after)
    return os.environ["CUDA_VISIBLE_DEVICES"]


def study(n=6, after="."):
    described = Research("study", Domain(a=range(n)))
    return described.add_callable("visible", visible, after=after, save_to="gpu")


def log():
    return Path("study/research.log").read_text()


def gate(*answers, ratio=0.5, n_checks=3):
    told = iter(answers)
    spec = WorkerSpec({}, 1, (("0",), ("1",)))
    return Gate(4, spec, MemoryCheck(ratio, n_checks, 2.5), lambda devices: next(told))


def test_a_task_begins_when_every_device_has_room():
    room, none = Memory("0", 8, 16), Memory("1", 7, 16)
    looking = gate((room, none), (none,), (room, room))
    assert looking.look(1) == Waiting(4, (none,), 0.5, 1)
    assert looking.look(2) == Waiting(4, (none,), 0.5, 2)
    assert looking.look(3) is None
    assert looking.delay == 2.5


def test_after_the_last_check_nobody_waits_any_more():
    none = Memory("1", 7, 16)
    assert gate((none,), n_checks=1).look(1) == Retired(4, (none,), 0.5, 1)
    assert gate((none,), n_checks=2).look(2) == Retired(4, (none,), 0.5, 2)


def test_who_has_no_devices_or_no_check_asks_nothing():
    assert Gate(0, WorkerSpec({}, 1, ((None,),)), MemoryCheck(1.0, 1, 0)).look(1) is None
    assert Gate(0, WorkerSpec({}, 1, (("0",),)), None).look(1) is None


def test_what_cannot_be_asked_is_said():
    def fail(devices):
        raise LookupError("no such device")

    failing = Gate(4, WorkerSpec({}, 1, (("0",),)), MemoryCheck(0.5, 3, 1), fail)
    assert failing.look(1) == CheckFailed(4, "no such device")


def test_numbers_and_names_are_asked_for_as_such(nvml):
    nvml(_2=[EMPTY], **{"GPU-5a1c": [FULL]})
    assert ask_nvml(["2", "GPU-5a1c"]) == [Memory("2", *EMPTY), Memory("GPU-5a1c", *FULL)]
    import pynvml

    assert not pynvml.is_open  # or a fork would inherit it


@pytest.mark.parametrize(
    ("devices", "text"),
    [
        (
            ["0", "7"],
            "the memory of device '7' cannot be asked: NVMLError: Invalid Argument; .*nvidia-smi -L",
        ),
        (["GPU-x"], "device 'GPU-x' cannot be asked: NVMLError: Not Found"),
        (["1"], "device '1' cannot be asked: NVMLError: GPU is lost"),
    ],
)
def test_a_device_that_is_not_known_is_named(nvml, devices, text):
    nvml(_0=[EMPTY], _1=[])
    with pytest.raises(LookupError, match=text):
        ask_nvml(devices)


def test_where_there_is_no_driver_the_devices_are_named(nvml):
    with pytest.raises(
        LookupError, match=r"devices 0, 1 cannot be asked: .*Not Found; .*`memory_ratio=None`"
    ):
        ask_nvml(["0", "1"])


def test_a_study_whose_devices_have_room_just_runs(nvml, how):
    nvml(_0=[EMPTY], _1=[EMPTY])
    described = study().run(devices=[0, 1], workers=2, branches=2, memory_ratio=0.9, bar=False, **how)
    assert described.monitor.counts == {"done": 6}
    assert "waits" not in log()
    assert sum(len(files) for _, _, files in os.walk("asked")) == 3  # once for each task of two branches


def test_a_worker_waits_until_there_is_room_and_the_log_says_so(nvml, how):
    nvml(_0=[FULL, FULL, EMPTY])
    described = study(2).run(
        devices=0, memory_ratio=0.5, n_gpu_checks=3, gpu_check_delay=0.01, bar=False, **how
    )
    assert described.monitor.counts == {"done": 2}
    text = "worker 0 waits for memory after 1 checks: device 0 has 1.00 GiB free of 16.00 GiB, where 8.00 GiB"
    assert log().count(text) == 1
    assert "leaves" not in log()


def test_who_waits_in_vain_leaves_its_tasks_to_the_others(nvml, how):
    nvml(_0=[FULL], _1=[EMPTY])
    described = study(after="asked/0/first").run(
        devices=[0, 1], workers=2, memory_ratio=0.5, n_gpu_checks=2, gpu_check_delay=0.01, bar=False, **how
    )
    assert described.monitor.counts == {"done": 6}
    assert described.results.df["gpu"].tolist() == ["1"] * 6
    assert "worker 0 leaves its tasks to others after 2 checks: device 0 has 1.00 GiB free" in log()
    assert "another takes its place" not in log()


def test_where_nobody_is_left_the_study_ends_and_says_why(nvml, how):
    nvml(_0=[FULL], _1=[EMPTY, EMPTY, FULL])
    with pytest.raises(StudyError) as info:
        study(20).run(
            devices=[0, 1], workers=2, memory_ratio=0.5, n_gpu_checks=2, gpu_check_delay=0, bar=False, **how
        )
    for text in (
        "worker 0 gave up after 2 checks: device 0 has 1.00 GiB free of 16.00 GiB, where 8.00 GiB were asked",
        "worker 1 gave up after 2 checks: device 1 has 1.00 GiB free of 16.00 GiB, where 8.00 GiB were asked",
        "`memory_ratio=0.5`",
    ):
        assert text in str(info.value)
    counts = ResearchResults("study").statuses_to_df()["status"].value_counts().to_dict()
    assert counts.pop("done") == 2
    assert set(counts) == {"stopped"}
    assert "was broken off: no worker is left" in log()


def test_a_device_that_is_not_there_ends_the_study(nvml, how):
    nvml(_0=[EMPTY])
    with pytest.raises(
        StudyError, match="the memory of device '3' cannot be asked: NVMLError: Invalid Argument"
    ):
        study().run(devices=3, memory_ratio=0.5, bar=False, **how)


def test_a_machine_without_devices_ends_the_study(nvml, how):
    with pytest.raises(StudyError, match="Shared Library Not Found"):
        study().run(devices=3, memory_ratio=0.5, bar=False, **how)


def test_the_same_holds_in_one_process(nvml):
    nvml(_0=[FULL, EMPTY, FULL])
    with pytest.raises(StudyError, match=r"worker 0 gave up after 2 checks: device 0 has 1\.00 GiB"):
        study().run(
            devices=0, memory_ratio=0.5, n_gpu_checks=2, gpu_check_delay=0.01, parallel=False, bar=False
        )
    assert "worker 0 waits for memory after 1 checks" in log()
    assert ResearchResults("study").statuses_to_df()["status"].value_counts().to_dict()["done"] == 1


def test_a_worker_that_is_killed_while_it_waits_is_replaced_and_nothing_is_lost(nvml, how):
    nvml(_0=[FULL])

    def kill():
        until_exists("asked/0/first")
        nvml(_0=[EMPTY])
        os.kill(int(Path("asked/0/first").read_text()), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    described = study(3).run(
        devices=0, memory_ratio=0.5, n_gpu_checks=10_000, gpu_check_delay=60, bar=False, **how
    )
    thread.join()
    assert described.monitor.counts == {"done": 3}
    assert "worker 0 ended: signal 9 (SIGKILL); another takes its place" in log()


def start(how):
    """Start a study, as a program of its own, that will wait for ever."""
    Path("script.py").write_text(
        "from research import *\n"
        "study = Research('study', Domain(a=[1, 2])).add_callable('f', int)\n"
        f"study.run(devices=0, memory_ratio=0.5, n_gpu_checks=9, gpu_check_delay=600, bar=False, **{how})\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([STAND_IN, *sys.path])}
    return psutil.Popen([sys.executable, "script.py"], env=environment, stderr=subprocess.DEVNULL)


def end(driver):
    with contextlib.suppress(psutil.NoSuchProcess):
        driver.kill()
    driver.wait()


def test_who_waits_ends_with_its_driver(nvml, how):
    nvml(_0=[FULL])
    driver = start(how)
    try:
        until_exists("asked/0/first")
        processes = driver.children(recursive=True)
        driver.kill()
        _, alive = psutil.wait_procs(processes, timeout=30)
        assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    finally:
        end(driver)


def test_a_study_that_waits_can_be_interrupted(nvml, how):
    nvml(_0=[FULL])
    driver = start(how)
    try:
        deadline = time.monotonic() + 60
        while "waits for memory" not in (log() if os.path.exists("study/research.log") else ""):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        driver.send_signal(signal.SIGTERM)
        assert driver.wait(60) == 143
    finally:
        end(driver)
    assert set(ResearchResults("study").statuses_to_df()["status"]) == {"stopped"}


def test_what_asks_must_be_installed_before_anything_is_run(monkeypatch):
    monkeypatch.setattr("research.arguments.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"`memory_ratio=0.5`.*pip install 'domain-research\[gpu\]'"):
        study().run(devices=0, memory_ratio=0.5, bar=False)
    assert os.listdir() == []


def has_gpu():
    import pynvml

    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return False
    return bool(count)


@pytest.mark.skipif("not has_gpu()", reason="there is no GPU: NVML cannot be initialised, or knows none")
@pytest.mark.parametrize("isolation", ["worker", "experiment"])
def test_a_device_that_is_there_is_asked(isolation):
    (memory,) = ask_nvml(["0"])
    assert 0 < memory.free <= memory.total
    described = study(2).run(devices=0, memory_ratio=1e-6, isolation=isolation, bar=False)
    assert described.results.df["gpu"].tolist() == ["0", "0"]
    with pytest.raises(StudyError, match=r"device 0 has .* GiB free"):
        study(2).run("much", devices=0, memory_ratio=1, n_gpu_checks=1, isolation=isolation, bar=False)
