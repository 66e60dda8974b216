"""The same grid as dicts from itertools.product."""

import itertools
import sys
import time

side = round(int(sys.argv[1]) ** 0.25)
values = list(range(side))
begun = time.perf_counter()
total = 0
for point in itertools.product(values, values, values, values):
    config = dict(zip("abcd", point))  # noqa: B905  (as people write it)
    for value in config.values():
        total += value
took = time.perf_counter() - begun
if total != 4 * side**3 * sum(values):
    raise SystemExit("not all of them")
print(took)
