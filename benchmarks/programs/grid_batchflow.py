"""The same grid as batchflow.research makes it."""

import sys
import time

from batchflow.research import Domain

side = round(int(sys.argv[1]) ** 0.25)
values = list(range(side))
domain = Domain(a=values, b=values, c=values, d=values)
begun = time.perf_counter()
total = 0
for item in domain.iterator:
    config = item.config()
    for name in "abcd":
        total += config[name]
took = time.perf_counter() - begun
if total != 4 * side**3 * sum(values):
    raise SystemExit("not all of them")
print(took)
