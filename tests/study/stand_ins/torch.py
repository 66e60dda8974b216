"""As much of torch as its generators need: one of the CPU, and those of two devices that come to be late."""

import random as _python


class _Generator:
    def __init__(self):
        self.random = _python.Random(67280421310721)  # as torch begins, wherever it is imported
        self.seed = 67280421310721

    def manual_seed(self, seed):
        self.seed = seed
        self.random.seed(seed)

    def get_state(self):
        return self.seed, self.random.getstate()

    def set_state(self, state):
        self.seed, inner = state
        self.random.setstate(inner)


class _Cuda:
    """Devices, which have generators from `init` on; a seed that comes earlier waits for it."""

    def __init__(self):
        self.generators = []
        self.waiting = None

    def is_initialized(self):
        return bool(self.generators)

    def init(self):
        if not self.generators:
            self.generators = [_Generator(), _Generator()]
            for generator in self.generators:
                generator.manual_seed(_python.SystemRandom().random())
            if self.waiting is not None:
                self.manual_seed_all(self.waiting)

    def manual_seed_all(self, seed):
        if not self.generators:
            self.waiting = seed
        for number, generator in enumerate(self.generators):
            generator.manual_seed(seed + number)

    def get_rng_state_all(self):
        self.init()
        return [generator.get_state() for generator in self.generators]

    def set_rng_state_all(self, states):
        self.init()
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state)

    def rand(self, device):
        self.init()
        return self.generators[device].random.random()


_cpu = _Generator()
cuda = _Cuda()
get_rng_state = _cpu.get_state
set_rng_state = _cpu.set_state


def manual_seed(seed):
    """Seed all generators, those to come included."""
    assert -(2**63) <= seed < 2**63
    _cpu.manual_seed(seed)
    cuda.manual_seed_all(seed)


def initial_seed():
    return _cpu.seed


def rand():
    return _cpu.random.random()
