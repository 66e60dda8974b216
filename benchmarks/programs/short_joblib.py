"""The same calls through joblib's processes, results in a list; imports and start of workers included."""

import sys
import time

begun = time.perf_counter()

from joblib import Parallel, delayed  # noqa: E402


def work(a, b):
    """Cost nothing."""
    return a * b


count = int(sys.argv[1])
results = Parallel(n_jobs=2)(delayed(work)(a, b) for a in range(count // 10) for b in range(10))
if len(results) != count:
    raise SystemExit("not all done")
print(time.perf_counter() - begun)
