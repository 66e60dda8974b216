"""Many trivial experiments over a grid, every result in SQLite; imports and start of workers included."""

import sys
import time

begun = time.perf_counter()

from research import EC, Domain, Research  # noqa: E402


def work(a, b):
    """Cost nothing."""
    return a * b


count = int(sys.argv[1])
domain = Domain(a=range(count // 10), b=range(10))
study = Research("study", domain).add_callable(work, a=EC("a"), b=EC("b"), save_to="product")
study.run(workers=2, bar=False)
if study.monitor.counts != {"done": count}:
    raise SystemExit(f"not all done: {study.monitor.counts}")
print(time.perf_counter() - begun)
