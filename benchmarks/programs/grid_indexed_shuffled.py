"""Configs of a grid of 10^12 in random order."""

import sys
import time

from research import Domain

count = int(sys.argv[1])
grid = Domain(a=range(1000), b=range(1000), c=range(1000), d=range(1000)).shuffle(seed=1)
step = grid.len // count
begun = time.perf_counter()
for number in range(count):
    config = grid[number * step]
took = time.perf_counter() - begun
if len(config) != 4:
    raise SystemExit("not a config")
print(took)
