"""The same grid as scikit-learn makes it."""

import sys
import time

from sklearn.model_selection import ParameterGrid

side = round(int(sys.argv[1]) ** 0.25)
values = list(range(side))
begun = time.perf_counter()
total = 0
for config in ParameterGrid({"a": values, "b": values, "c": values, "d": values}):
    for value in config.values():
        total += value
took = time.perf_counter() - begun
if total != 4 * side**3 * sum(values):
    raise SystemExit("not all of them")
print(took)
