"""A grid with three drawn parameters beside, each value keyed by its config."""

import sys
import time

from research import Domain
from samplers import NumpySampler

count = int(sys.argv[1])
samplers = Domain(x=NumpySampler("normal"), y=NumpySampler("uniform"), z=NumpySampler("lognormal"))
begun = time.perf_counter()
total = 0.0
for config in Domain(a=range(count // 100), b=range(100)) * samplers:
    for value in config.values():
        total += value
took = time.perf_counter() - begun
if total == 0:
    raise SystemExit("nothing drawn")
print(took)
