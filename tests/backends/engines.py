"""Clusters of Dask and Ray on this machine, each started once for all tests of a process that need it."""

from __future__ import annotations

import atexit
import functools
import logging

import psutil

from research.backends.clusters.options import Dask, Ray

PATIENCE = 10.0  # seconds after which agents of tests are given up


@functools.cache
def dask_address():
    """Return the address of a scheduler of Dask with two workers in processes of their own."""
    from distributed import LocalCluster

    cluster = LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=":0", memory_limit=0)
    atexit.register(cluster.close)
    return cluster.scheduler_address


@functools.cache
def ray_cluster():
    """Connect this process to a cluster of Ray of its own."""
    import ray

    ray.init(
        address="local",
        num_cpus=4,
        num_gpus=2,  # as it is told: nobody looks for them
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    atexit.register(ray.shutdown)


def ours(process):
    """Return the processes below one but for those that Ray keeps at hand, and starts when it likes."""
    return {child for child in process.children(recursive=True) if not _is_of_ray(child)}


def _is_of_ray(process):
    try:
        name, line = process.name(), " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # it has ended meanwhile
        return True
    if name.startswith("ray::"):
        return not name.startswith("ray::RayAgent")
    return "/ray/" in line and "research.backends" not in line


def on_dask(n_workers=2, **options):
    """Return a backend on the cluster of Dask."""
    return Dask(dask_address(), patience=PATIENCE, **options).backend(n_workers, 1, 1, grows=False)


def on_ray(n_workers=2, **options):
    """Return a backend on the cluster of Ray."""
    ray_cluster()
    return Ray(patience=PATIENCE, **options).backend(n_workers, 1, 1, grows=False)


CLUSTERS = {"dask": dask_address, "ray": ray_cluster}  # what starts them
