"""The same by hand, from one generator, which ties each value to its place in the loop."""

import itertools
import sys
import time

import numpy as np

count = int(sys.argv[1])
rng = np.random.default_rng(0)
begun = time.perf_counter()
total = 0.0
for a, b in itertools.product(range(count // 100), range(100)):
    config = {"a": a, "b": b, "x": rng.normal(), "y": rng.uniform(), "z": rng.lognormal()}
    for value in config.values():
        total += value
took = time.perf_counter() - begun
if total == 0:
    raise SystemExit("nothing drawn")
print(took)
