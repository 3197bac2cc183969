"""What a worker process may turn into; importable by a fresh process."""

import os
import subprocess
import sys
import time

from unblur.confine import confine


def _started(pipe):
    from unblur.web.orders import Ready, write_answer

    pipe.send_bytes(write_answer(Ready([])))


def starts_another(pipe, note):
    """Lead a group, start a program that never ends, write down its number, hang."""
    os.setsid()
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    note.write_text(str(program.pid))
    _started(pipe)
    time.sleep(600)


def leaves_another_behind(pipe, note):
    """As :func:`starts_another`, but end and leave the program."""
    os.setsid()
    program = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    note.write_text(str(program.pid))
    os._exit(1)


def sends_a_pickle(pipe, note):
    """Send an object whose unpickling writes a file."""

    class Trap:
        def __reduce__(self):
            return note.write_text, ("unpickled",)

    pipe.send(Trap())
    time.sleep(600)


def takes_memory(pipe, memory_bytes):
    """Say what comes of taking twice the memory that is allowed."""
    from unblur.web.orders import Done, write_answer

    confine(memory_bytes)
    try:
        got = len(bytearray(2 * memory_bytes))
    except MemoryError:
        got = 0
    pipe.send_bytes(write_answer(Done({"bytes": got})))
