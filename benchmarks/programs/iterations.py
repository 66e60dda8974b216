"""One experiment of many iterations, one unit, its value saved each time, in SQLite."""

import sys
import time

from research import Domain, O, Research


def work():
    """Cost nothing."""
    return 1.0


count = int(sys.argv[1])
study = Research("study", Domain({})).add_callable("work", work).save(O("work"), "value")
begun = time.perf_counter()
study.run(n_iters=count, bar=False)
took = time.perf_counter() - begun
if len(study.results.df) != count:
    raise SystemExit("not all saved")
print(took)
