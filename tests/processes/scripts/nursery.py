"""Run scripts in forks of this interpreter, which has imported discobase: half the time of a short
process goes into that.

It has no threads, no connection and no open file, and ends as it has begun: what runs in a fork
cannot tell it from an interpreter of its own, but for ``sys.orig_argv``. The socket whose
descriptor is given brings, for each process, JSON (its arguments, its environment, its folder, and
what is to be imported before) with its three standard streams, and a pipe that is told its id and
its exit code. The end
of the socket is the end of this process; those that it has forked go on.
"""

import contextlib
import importlib
import json
import os
import socket
import sys
import types
from pathlib import Path

import discobase.local  # noqa: F401 - for those that are forked


def next_request(channel):
    """Wait for a request, and fork; in the fork, return the request and its four descriptors."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(channel, 1 << 20, 4)
        if not request:
            os._exit(0)
        asked = json.loads(request)
        for name in asked.pop("imports"):
            importlib.import_module(name)
        if not os.fork():
            channel.close()
            return asked, descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:  # those that have waited for a process that ended
                pass


def fork_and_wait(report):
    """Fork once more, and return in the fork; here, tell how it ends."""
    child = os.fork()
    if not child:
        os.close(report)
        return
    for stream in range(3):
        os.close(stream)
    os.write(report, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def become(arguments, environment, folder):
    """Be as an interpreter that has just begun to run a script; return the code of the script."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    sys.modules["__main__"] = main = types.ModuleType("__main__")
    main.__file__ = arguments[0]
    return compile(Path(arguments[0]).read_bytes(), arguments[0], "exec"), main.__dict__


asked, (*streams, told) = next_request(socket.socket(fileno=int(sys.argv[1])))
for number, given in enumerate(streams):
    os.dup2(given, number)
    os.close(given)
fork_and_wait(told)
code, names = become(**asked)
del asked, streams, told, number, given
exec(code, names)
