"""What is written to stores in tests."""

from __future__ import annotations

from research.events import DONE, Ended, Member
from research.storage.base import Registered, Study


def study(name="study"):
    return Study(name, 12.5, 2**100, "0.1", "Domain({})", {"n_iters": 3})


def registered(number, config='{"a":1}', aliases=None):
    return Registered(Member(f"{number:016x}", number, number, 0, 0, 0), config, aliases)


def ended(number, status=DONE, failures=(), reason=None):
    return Ended(2, f"{number:016x}", status, 1.0, 2.0, 7, failures, reason)
