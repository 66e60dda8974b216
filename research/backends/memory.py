"""Whether devices have room for a task: the asking, and what follows from the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from research.backends.base import MemoryCheck, WorkerSpec
from research.events import CheckFailed, Memory, Retired, Waiting

Ask = Callable[[Sequence[str]], Sequence[Memory]]


def ask_nvml(devices: Sequence[str]) -> Sequence[Memory]:
    """Return the memory of devices, as NVIDIA's driver tells it to anyone; CUDA is not touched.

    Parameters
    ----------
    devices : sequence of str
        Numbers in the order of the bus, or names such as 'GPU-5a1c…' and 'MIG-…'.

    Raises
    ------
    LookupError
        If it cannot be told; names the device.
    """
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception as error:
        raise LookupError(
            f"the memory of devices {', '.join(devices)} cannot be asked: {_describe(error)}; it takes "
            "NVIDIA's driver and nvidia-ml-py; `memory_ratio=None` asks for nothing"
        ) from error
    try:
        return [_ask_one(pynvml, device) for device in devices]
    finally:
        pynvml.nvmlShutdown()  # this process may be forked before it asks again


def _ask_one(pynvml: Any, device: str) -> Memory:
    try:
        if device.isdecimal():
            handle = pynvml.nvmlDeviceGetHandleByIndex(int(device))
        else:
            handle = pynvml.nvmlDeviceGetHandleByUUID(device)
        found = pynvml.nvmlDeviceGetMemoryInfo(handle)
        return Memory(device, int(found.free), int(found.total))
    except Exception as error:
        raise LookupError(
            f"the memory of device {device!r} cannot be asked: {_describe(error)}; `devices` are numbers or "
            "UUIDs as nvidia-smi -L shows them"
        ) from error


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


class Gate:
    """Lets a worker begin a task when its devices have room.

    Parameters
    ----------
    worker : int
    spec : WorkerSpec
    check : MemoryCheck or None
        None: nothing is asked.
    ask : callable, default ask_nvml
        Takes the names of devices and returns the memory of each, or raises a LookupError.
    """

    def __init__(self, worker: int, spec: WorkerSpec, check: MemoryCheck | None, ask: Ask = ask_nvml) -> None:
        self._worker = worker
        self._devices = spec.visible_devices
        self._check = check
        self._ask = ask

    @property
    def delay(self) -> float:
        """Seconds to wait before the next look."""
        return 0.0 if self._check is None else self._check.delay

    def look(self, attempt: int) -> Waiting | Retired | CheckFailed | None:
        """Ask whether a task may begin.

        Parameters
        ----------
        attempt : int
            How many times there has been a look for the sake of this task, with this one.

        Returns
        -------
        Waiting, Retired, CheckFailed or None
            What stands in the way. After `Waiting` there is to be another look; after the others there is
            no use in it.
        """
        if self._check is None or not self._devices:
            return None
        try:
            found = self._ask(self._devices)
        except LookupError as error:
            return CheckFailed(self._worker, str(error))
        short = tuple(memory for memory in found if memory.free < self._check.ratio * memory.total)
        if not short:
            return None
        kind = Waiting if attempt < self._check.n_checks else Retired
        return kind(self._worker, short, self._check.ratio, attempt)


def describe_shortage(shortage: Waiting | Retired) -> str:
    """Say which devices have how much memory, and how much was asked for.

    Examples
    --------
    >>> describe_shortage(Retired(0, (Memory('1', 3 << 30, 16 << 30),), 0.5, 3))
    'device 1 has 3.00 GiB free of 16.00 GiB, where 8.00 GiB were asked for'
    """
    return "; ".join(
        f"device {memory.device} has {_gib(memory.free)} free of {_gib(memory.total)}, where "
        f"{_gib(shortage.ratio * memory.total)} were asked for"
        for memory in shortage.short
    )


def _gib(n_bytes: float) -> str:
    return f"{n_bytes / 2**30:.2f} GiB"
