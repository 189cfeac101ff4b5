"""`train.py`, `infer.py` and `hpa` in processes of their own that need not import torch: children of one that has.

A fresh interpreter imports for seconds before a command begins. `Warm` starts one interpreter that imports everything
once and forks for each command: a child has its own folder, environment, files of output and number, takes signals,
and can be killed. It differs from `python train.py` in its imports alone; `tests/test_installed_wheel.py` and
`tests/commands/test_bundle.py` run fresh ones.

Called as `warm.py SOCKET WORDS…` it runs a command for a shell, and as `warm.py SOCKET` it is the interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import itertools
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[1]
SKIPPED = ("hpa.project", "hpa.commands.templates")  # no modules of the package


class Started:
    """A command that runs: the part of `subprocess.Popen` that tests of commands use."""

    def __init__(self, args: Sequence[str], connection: socket.socket, written: tuple[Path, Path]) -> None:
        self.args, self._connection, self._written = list(args), connection, written
        self._answers = connection.makefile("r")
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, the negative number of the signal that ended it, or None while it runs."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self) -> int:
        """Wait for the end, and return as `poll` does."""
        if self.returncode is None:
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._connection.close()
        return self.returncode

    def communicate(self) -> tuple[str, str]:
        """Wait for the end, and return what was written to stdout and to stderr."""
        self.wait()
        out, err = self._written
        return out.read_text(), err.read_text()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)


class Warm:
    """An interpreter that has imported the project, and starts its commands."""

    def __init__(self) -> None:
        self._temporary = tempfile.TemporaryDirectory()  # a short name: the system limits the address
        self._folder = Path(self._temporary.name)
        self._numbers = itertools.count()
        self.address = str(self._folder / "socket")
        command = [sys.executable, str(Path(__file__).resolve()), self.address]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the interpreter did not start"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate()  # closes its stdin, by which it knows
        self._temporary.cleanup()

    def start(
        self,
        words: Sequence[str | Path],
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        merged: bool = False,
    ) -> Started:
        """Start a command.

        Args:
            words: `train.py`, `infer.py` or `hpa`, and its words.
            cwd: Folder in which it runs; None: that of this process.
            env: Its environment; None: that of this process.
            merged: Whether stdout takes what is written to stderr too.
        """
        args = [str(word) for word in words]
        number = next(self._numbers)
        written = (self._folder / f"{number}.out", self._folder / f"{number}.err")
        with Path(os.devnull).open("rb") as nothing, written[0].open("wb") as out, written[1].open("wb") as err:
            files = [nothing.fileno(), out.fileno(), (out if merged else err).fileno()]
            connection = _requested(self.address, args, str(cwd or Path.cwd()), dict(env or os.environ), files)
        return Started(args, connection, written)

    def run(self, words: Sequence[str | Path], **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command as `start` does, and return its exit code and what it wrote."""
        started = self.start(words, **more)
        out, err = started.communicate()
        return subprocess.CompletedProcess(started.args, started.wait(), out, err)


def _requested(address: str, words: list[str], cwd: str, env: dict[str, str], files: list[int]) -> socket.socket:
    """Return the connection on which the number of the process and then its exit code are told."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    request = json.dumps({"words": words, "cwd": cwd, "env": env}).encode()
    socket.send_fds(connection, [b"%10d" % len(request)], files)
    connection.sendall(request)
    return connection


def serve(address: str) -> None:
    """Fork for each connection until stdin is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for the commands
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(32)
        _import_everything()
        gc.collect()
        gc.freeze()
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _attend(connection)
            connection.close()


def _import_everything() -> None:
    sys.path[0] = str(ROOT)
    import hpa

    for module in pkgutil.walk_packages(hpa.__path__, "hpa."):
        if not module.name.startswith(SKIPPED):
            with contextlib.suppress(ImportError):  # of an extra
                importlib.import_module(module.name)


def _attend(connection: socket.socket) -> None:
    """Start the command that is requested, and tell its number and its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, files, _, _ = socket.recv_fds(connection, 10, 3)
    with connection.makefile("rb") as reader:
        request = json.loads(reader.read(int(size)))
    pid = os.fork()
    if pid == 0:
        connection.close()
        _run(request, files)
    with contextlib.suppress(OSError):  # the test has ended
        connection.sendall(b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _run(request: dict[str, Any], files: list[int]) -> None:
    """Be the command: in its folder, with its environment and files, and with the signals of a fresh process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
    # those of the interpreter may be files that can be sought in, and these pipes
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = request["words"]
    try:
        code = _called(sys.argv[0])
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # waits for the threads that Python waits for
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _called(program: str) -> Any:
    if program == "hpa":
        sys.path[0] = ""
        from hpa.cli import main

        return main()
    runpy.run_path(str(ROOT / program), run_name="__main__")
    return 0


def _run_for_a_shell(address: str, words: list[str]) -> int:
    """Run a command with the files of this process, pass Ctrl-C on, and return its exit code as shells do."""
    answers = _requested(address, words, str(Path.cwd()), dict(os.environ), [0, 1, 2]).makefile("r")
    pid = int(answers.readline())
    signal.signal(signal.SIGINT, lambda *_: os.kill(pid, signal.SIGINT))
    code = int(answers.readline())
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    if len(sys.argv) == 2:
        serve(sys.argv[1])
        os._exit(0)  # nothing of what was imported has to be taken down
    else:
        sys.exit(_run_for_a_shell(sys.argv[1], sys.argv[2:]))
