"""Random values as objects: distributions that can be named, compared, stored and drawn from."""

from samplers.base import Sampler
from samplers.distributions import ALIASES, NumpySampler, ScipySampler
from samplers.random import make_rng, make_seed

__all__ = ["ALIASES", "NumpySampler", "Sampler", "ScipySampler", "make_rng", "make_seed"]
