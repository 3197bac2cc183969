"""Jobs for worker processes: they must be importable there."""

import os
import signal
import threading
import time
from pathlib import Path


def square(number):
    return number * number


def threads_and_signals(_):
    return os.environ.get("OMP_NUM_THREADS"), signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def process(_):
    time.sleep(0.05)
    return os.getpid(), threading.active_count()


def dies(item):
    """Dies of 'deadly', each time; of a file, only as long as it is there."""
    if item == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    if isinstance(item, Path) and item.exists():
        item.unlink()
        os._exit(7)
    return str(item)


def fails(item):
    if item == 1:
        raise RuntimeError("broken\nmore lines")
    if item == 2:
        raise MemoryError
    return item


def takes_memory(megabytes):
    return len(bytearray(megabytes * 1_000_000))


def says_who_and_waits(place):
    """Write this process's number and the time, for as long as it lives."""
    while True:
        (place / str(os.getpid())).write_text(str(time.monotonic()))
        time.sleep(0.05)


def sleeps(seconds):
    time.sleep(seconds)
    return seconds


def never_lets_go(item):
    """Hangs where no signal handler of Python's would be asked."""
    if isinstance(item, Path):
        (item / "pid").write_text(str(os.getpid()))
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
        while True:
            sum(range(1000))
    return item


def starts_a_program(_):
    import subprocess

    return subprocess.run(["true"], check=True).returncode
