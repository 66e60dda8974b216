"""Clusters of Dask and Ray on this machine, each started once for all tests of a process that need it."""

from __future__ import annotations

import atexit
import functools

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

    ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    atexit.register(ray.shutdown)


def on_dask(n_workers=2, **options):
    """Return a backend on the cluster of Dask."""
    return Dask(dask_address(), patience=PATIENCE, **options).backend(n_workers, 1, 1, grows=False)


def on_ray(n_workers=2, **options):
    """Return a backend on the cluster of Ray."""
    ray_cluster()
    return Ray(patience=PATIENCE, **options).backend(n_workers, 1, 1, grows=False)


CLUSTERS = {"dask": dask_address, "ray": ray_cluster}  # what starts them
