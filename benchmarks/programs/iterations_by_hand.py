"""The same loop by hand: append to a list, write it to SQLite at the end."""

import sqlite3
import sys
import time


def work():
    """Cost nothing."""
    return 1.0


count = int(sys.argv[1])
begun = time.perf_counter()
values = []
for iteration in range(count):
    values.append((iteration, work()))  # noqa: PERF401
connection = sqlite3.connect("results.db")
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("create table history (iteration integer, value real)")
connection.executemany("insert into history values (?, ?)", values)
connection.commit()
connection.close()
print(time.perf_counter() - begun)
