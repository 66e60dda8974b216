"""One product of as many configs, walked and read."""

import sys
import time

from research import Domain

count = int(sys.argv[1])
domain = Domain(a=range(1000), b=range(count // 1000))
begun = time.perf_counter()
total = 0
for config in domain:
    for value in config.values():
        total += value
took = time.perf_counter() - begun
if not total:
    raise SystemExit("nothing walked")
print(took)
