"""Which devices belong to which worker and branch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def get_devices(devices: Any, n_workers: int = 1, n_branches: int = 1) -> list[list[list[str | None]]]:
    """Distribute devices over workers and branches.

    There are `n_workers * n_branches` branches in all. Where there are fewer devices than that, each device
    goes to as many branches in a row as all of them can have, and what is then left of the branches begins
    with the first device again. Where there are more, each branch gets the same number of them; what is then
    left of the devices, fewer than there are branches, goes to nobody, so that none is shared.

    Parameters
    ----------
    devices : int, str, None or list of them
        Numbers of devices, or names such as 'GPU-5a1c…' and 'MIG-…'. None: no device. One that is given
        twice counts twice, so that more branches share it.
    n_workers : int, default 1
    n_branches : int, default 1
        Of each worker.

    Returns
    -------
    list of list of list of str or None
        `get_devices(…)[2][3]` are the devices of the branch 3 of the worker 2, counted from zero, as text;
        [None] if it has none.

    Raises
    ------
    TypeError
        If a device is no number, text or None.
    ValueError
        If there are no devices in the list, a device is negative or empty, or a number of workers or branches
        is not positive.

    Examples
    --------
    For 3 workers and 2 branches:

    >>> get_devices(None, 3, 2)
    [[[None], [None]], [[None], [None]], [[None], [None]]]
    >>> get_devices(1, 3, 2)
    [[['1'], ['1']], [['1'], ['1']], [['1'], ['1']]]
    >>> get_devices([1, 2], 3, 2)
    [[['1'], ['1']], [['1'], ['2']], [['2'], ['2']]]
    >>> get_devices([1, 2, 3, 4, 5], 3, 2)
    [[['1'], ['2']], [['3'], ['4']], [['5'], ['1']]]
    >>> get_devices([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 3, 2)
    [[['0', '1'], ['2', '3']], [['4', '5'], ['6', '7']], [['8', '9'], ['10', '11']]]
    """
    for name, number in (("n_workers", n_workers), ("n_branches", n_branches)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise ValueError(f"`{name}` must be a positive int, got {number!r}")
    dealt = _listed(devices)
    total = n_workers * n_branches
    each, rest = divmod(total, len(dealt))
    if each:
        dealt = [device for device in dealt for _ in range(each)] + dealt[:rest]
    n_each = len(dealt) // total
    parts = [dealt[n_each * place : n_each * (place + 1)] for place in range(total)]
    branches = [_own(part) for part in parts]
    return [branches[n_branches * worker : n_branches * (worker + 1)] for worker in range(n_workers)]


def unused_devices(devices: Any, dealt: list[list[list[str | None]]]) -> list[str]:
    """Return the devices that `get_devices` gave to nobody.

    Examples
    --------
    >>> unused_devices([0, 1, 2], get_devices([0, 1, 2], 2))
    ['2']
    """
    used = {device for worker in dealt for branch in worker for device in branch}
    named = dict.fromkeys(device for device in _listed(devices) if device is not None)
    return [device for device in named if device not in used]


def _own(part: list[str | None]) -> list[str | None]:
    """Return the devices of one branch: sharing one with oneself means nothing, nor does none beside one."""
    named = [device for device in dict.fromkeys(part) if device is not None]
    return [*named] or [None]


def _listed(devices: Any) -> list[str | None]:
    if devices is None or isinstance(devices, str | int | np.integer):
        return [_named(devices, devices)]
    if not isinstance(devices, Iterable) or isinstance(devices, bytes | dict | set | frozenset):
        raise _wrong_kind(devices, devices)
    found = [_named(device, devices) for device in devices]
    if not found:
        raise ValueError("`devices` must name at least one device, got an empty list: None means no device")
    return found


def _named(device: Any, devices: Any) -> str | None:
    if device is None:
        return None
    if isinstance(device, str):
        name = device.strip()
        if not name or "," in name:
            raise ValueError(
                f"`devices` must name each device by itself, got {device!r}: "
                "several are a list, as in ['0', '1']"
            )
    elif isinstance(device, int | np.integer) and not isinstance(device, bool):
        name = str(int(device))
    else:
        raise _wrong_kind(device, devices)
    if name.startswith("-"):
        raise ValueError(f"`devices` are counted from zero, got {device!r}: None means no device")
    return name


def _wrong_kind(device: object, devices: object) -> TypeError:
    where = "" if device is devices else f" in {devices!r}"
    return TypeError(
        "`devices` must be an int, a str, None or a list of them, "
        f"got {type(device).__name__} {device!r}{where}"
    )
