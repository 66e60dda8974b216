"""A sum of 1,000 products, walked and read."""

import sys
import time

from research import Domain

count = int(sys.argv[1])
domain = sum((Domain(a=[number], b=range(count // 1000)) for number in range(1000)), Domain())
begun = time.perf_counter()
total = 0
for config in domain:
    for value in config.values():
        total += value
took = time.perf_counter() - begun
if not total:
    raise SystemExit("nothing walked")
print(took)
