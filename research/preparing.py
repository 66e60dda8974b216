"""What a run of a study is to do, when it is known what earlier ones have done."""

from __future__ import annotations

from typing import Any, NamedTuple

from research.codes import compare_codes
from research.conducting import Plan
from research.experiment.executor import Executor
from research.experiment.program import Program
from research.experiment.versions import Version
from research.resuming import check_iterations, check_seed, check_seeding, stored
from research.sharding import check_walk
from research.storage.taking import Taken


class Asked(NamedTuple):
    """Arguments of `Research.run` that mean something else where a study is gone on with."""

    seed: Any
    seed_libraries: bool
    code_changed: str | None
    keeps_iterations: bool  # as in the last run


def prepare(plan: Plan, taken: Taken | None, asked: Asked) -> Plan:
    """Return a plan that suits what is there already; it was made as if there were nothing.

    Raises
    ------
    StudyError, ValueError
        If a study cannot be gone on with like that.
    """
    definition, earlier = plan.definition, plan.earlier
    if earlier is not None:
        settings = check_seeding(asked.seed_libraries, plan.settings, earlier)
        if asked.keeps_iterations:
            program = Program.compile(definition.experiment, stored(earlier, "n_iters"))
            plan = plan._replace(has_root=program.has_root, n_iters=program.n_iters)
        settings = check_iterations(plan.n_iters, settings, earlier)
        plan = plan._replace(settings=settings, seed=check_seed(asked.seed, earlier))
    check_walk(plan.shard, definition.walk(plan.seed).size, bool(plan.updates))
    if taken is not None and earlier is not None:
        kind = plan.settings.executor_class
        version = Version.of(definition.experiment, None if kind is Executor else kind)
        ids = definition.ids(plan.seed)
        codes = compare_codes(version, earlier, asked.code_changed, taken.place, ids, plan.retry_failed)
        plan = plan._replace(codes=codes)
    return plan
