"""A study in which many experiments are hopeless."""

from __future__ import annotations

import os
import signal
import time

from research import EC, Domain, E, Research
from research.pruning.rules import SuccessiveHalving

N_EXPERIMENTS, N_ITERATIONS = 24, 30


def descend(speed, random, pause=0.0):
    """Yield a noisy loss."""
    loss = 10.0
    while True:
        time.sleep(pause * random.random())
        loss -= speed * loss * random.random()
        yield loss


def described(name="study", rule=None, pause=0.0, **how):
    """Return the study."""
    speeds = [(7 * number % N_EXPERIMENTS + 1) / N_EXPERIMENTS for number in range(N_EXPERIMENTS)]
    study = Research(name, Domain(speed=speeds))
    study.add_generator("descend", descend, speed=EC("speed"), random=E().random, pause=pause, save_to="loss")
    return study.prune(SuccessiveHalving(min_iters=2, eta=2) if rule is None else rule, "loss", **how)


def ends(study):
    """Return what became of each experiment."""
    table = study.results.statuses_to_df().sort_values("id")
    return list(zip(table["id"], table["status"], table["iterations"], strict=True))


def losses(study):
    """Return all values, in one order."""
    return study.results.to_df().sort_values(["id", "iteration"], ignore_index=True)


def kill_once(speed):
    """End the worker of one experiment, the first time."""
    if speed == 8 / N_EXPERIMENTS and not os.path.exists("killed"):
        open("killed", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
