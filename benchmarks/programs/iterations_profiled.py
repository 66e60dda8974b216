"""What `iterations` does, with the time of each call of its two units and of each iteration recorded."""

import sys
import time

from research import Domain, O, Research


def work():
    """Cost nothing."""
    return 1.0


count = int(sys.argv[1])
study = Research("study", Domain({})).add_callable("work", work).save(O("work"), "value")
begun = time.perf_counter()
study.run(n_iters=count, bar=False, profile=1)
took = time.perf_counter() - begun
if len(study.profiler.profile_info) != 3 * count:
    raise SystemExit("not all recorded")
print(took)
