"""Whose a study in a database is while it runs: locks of the server, which end with the driver's connection.

A driver writes by the connection that holds its lock. So who has lost the lock, with the connection, cannot
write any more, and nobody needs to find out whether it is still alive.
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from research.errors import StudyError, cannot_write
from research.storage.scalars import encode_name

if TYPE_CHECKING:
    import psycopg

MOST_SHARDS = 2**15 - 1
PATIENCE = 60  # seconds for another driver to begin
_TURN = 0  # no shard's number: who begins or ends has it, one after another
_TAKEN = (
    "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND classid = %s::bigint::oid AND objid <> 0"
)


class Shard(NamedTuple):
    """Which of the equal parts of a study a driver runs; all of it is part 0 of 1."""

    number: int
    total: int

    def has(self, place: int) -> bool:
        """Whether an experiment is in it, by its place among those of the domain."""
        return place % self.total == self.number

    def __str__(self) -> str:
        return f"shard ({self.number}, {self.total})" if self.total > 1 else "all of it"


WHOLE = Shard(0, 1)


class Presence:
    """Locks of a study, as one connection sees and holds them.

    Each driver has the lock of its shard. Two integers name a lock: the first is of the study, the second
    says which shard, so that whoever asks is told which of them are being run.

    Parameters
    ----------
    connection : psycopg.Connection
    name : str
        The study's.
    server : Server
        As users know it.
    """

    def __init__(self, connection: psycopg.Connection[Any], name: str, server: object) -> None:
        from research.domain.hashing import digest  # loads numpy, for which who only looks has no use

        self._connection = connection
        self._server = server
        schema = self._ask("SELECT current_schema()")[0][0]
        number = int(digest(f"{schema}|{encode_name(name)}", 4), 16)
        self._unsigned = number
        self._study = number - 2**32 if number >= 2**31 else number  # as locks have signed ones

    def be_known(self) -> None:
        """Let the server look whether this machine is there, and let go of the locks when it is not.

        Otherwise it would find out after hours that a machine has lost its power.
        https://www.postgresql.org/docs/current/runtime-config-connection.html
        """
        for name, value in (("idle", "20"), ("interval", "10"), ("count", "3")):
            self._ask("SELECT set_config(%s, %s, false)", f"tcp_keepalives_{name}", value)

    def drivers(self) -> list[Shard]:
        """Return the shards that are being run, by whatever machine."""
        numbers = sorted(int(number) for (number,) in self._ask(_TAKEN, self._unsigned))
        return [Shard(number & MOST_SHARDS, number >> 15) for number in numbers]

    def take_turn(self) -> None:
        """Wait until nobody else begins or ends.

        Raises
        ------
        StudyError
            If that takes too long.
        """
        self._ask("SELECT set_config('lock_timeout', %s, false)", f"{PATIENCE}s")
        self._ask("SELECT pg_advisory_lock(%s, %s)", self._study, _TURN)
        self._ask("SELECT set_config('lock_timeout', '0', false)")

    def end_turn(self) -> None:
        """Let others begin or end."""
        self._ask("SELECT pg_advisory_unlock(%s, %s)", self._study, _TURN)

    def take(self, shard: Shard) -> list[Shard]:
        """Take a shard, unless one is being run that has experiments in common with it; return those.

        It is to be this driver's turn.
        """
        others = [other for other in self.drivers() if other.total != shard.total or other == shard]
        if not others:
            self._ask("SELECT pg_advisory_lock(%s, %s)", self._study, _code(shard))
        return others

    def leave(self, shard: Shard) -> None:
        """Let go of a shard."""
        self._ask("SELECT pg_advisory_unlock(%s, %s)", self._study, _code(shard))

    def _ask(self, query: str, *values: Any) -> list[Any]:
        import psycopg

        try:
            found = self._connection.execute(query, values or None).fetchall()
            self._connection.commit()  # (such locks are no part of a transaction)
        except psycopg.errors.LockNotAvailable:
            raise StudyError(
                f"another driver of this study has been about to begin for {PATIENCE} seconds: try again "
                "when it has begun, or end it"
            ) from None
        except psycopg.Error as error:
            raise cannot_write(self._server, error) from error
        return found


def _code(shard: Shard) -> int:
    return (shard.total << 15) | shard.number
