"""Hosts with networks of their own, on this machine: namespaces that a bridge joins."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid

import pytest


class Network:
    """A switch, and hosts at it, each with an address; any may be cut off."""

    def __init__(self, n_hosts: int) -> None:
        name = uuid.uuid4().hex[:6]
        self.switch = f"rs-switch-{name}"
        self.names = [f"rs-{name}-{number}" for number in range(n_hosts)]
        self.addresses = [f"10.213.7.{number + 1}" for number in range(n_hosts)]
        try:
            self._ip("netns", "add", self.switch)
            self._ip("-n", self.switch, "link", "add", "bridge0", "type", "bridge")
            self._ip("-n", self.switch, "link", "set", "bridge0", "up")
            for number, (host, address) in enumerate(zip(self.names, self.addresses, strict=True)):
                self._ip("netns", "add", host)
                self._ip("-n", host, "link", "set", "lo", "up")
                port = f"port{number}"
                self._ip(
                    *("-n", host, "link", "add", "eth0", "type", "veth", "peer", "name", port),
                    *("netns", self.switch),
                )
                self._ip("-n", self.switch, "link", "set", port, "master", "bridge0", "up")
                self._ip("-n", host, "address", "add", f"{address}/24", "dev", "eth0")
                self._ip("-n", host, "link", "set", "eth0", "up")
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _ip(*arguments: str) -> None:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise OSError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")

    def prefix(self, number: int) -> list[str]:
        """Return what comes before a command that is to run on a host."""
        return ["ip", "netns", "exec", self.names[number]]

    def cut_off(self, number: int) -> None:
        self._ip("-n", self.switch, "link", "set", f"port{number}", "down")

    def join(self, number: int) -> None:
        self._ip("-n", self.switch, "link", "set", f"port{number}", "up")

    def close(self) -> None:
        for name in (*self.names, self.switch):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def make_network(n_hosts: int) -> Network:
    """Return a network; where none can be made, the test is skipped."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("networks can be made by root alone, with `ip`")
    try:
        return Network(n_hosts)
    except OSError as error:
        pytest.skip(f"no networks can be made here: {error}")
