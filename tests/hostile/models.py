"""Models that do what they should not, for ``tests.hostile.models:NAME``.

All are the same linear layer, and most misbehave only where there is data, so that the trace and with it the reference
is that of the good ones.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import locale
import os
import pickle
import random
import re
import resource
import signal
import stat
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import psutil
import torch
from torch import nn

SAMPLES, INPUTS, OUTPUTS = 3, 4, 5
MACS = SAMPLES * INPUTS * OUTPUTS
BIASES = SAMPLES * OUTPUTS
PARAMETERS = INPUTS * OUTPUTS + OUTPUTS

HELD_FOLDER = "HOSTILE_HELD_FOLDER"
"""The environment variable with the folder in which processes that outlive a model hold locks."""

CHILDREN = 100
"""How many processes the fork bomb makes: it is to be stopped, but must do no harm if it is not."""

MEGABYTE = 2**20
BOMB_MEGABYTES = 6000
"""How much the memory bombs take, for the same reason."""

Deed = Callable[["Net"], object]


class Net(nn.Module):
    """A linear layer that does something before it computes."""

    def __init__(self, deed: Deed | None = None, *, traced: bool = False, afterwards: bool = False) -> None:
        super().__init__()
        self.fc = nn.Linear(INPUTS, OUTPUTS)
        self.deed, self.traced, self.afterwards = deed, traced, afterwards

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        acts = self.deed is not None and (self.traced or x.device.type != "meta")
        if acts and not self.afterwards:
            self.deed(self)
        result = self.fc(x)
        if acts and self.afterwards:
            self.deed(self)
        return result


Built = tuple[nn.Module, torch.Tensor]


def inputs() -> torch.Tensor:
    return torch.ones(SAMPLES, INPUTS)


def good() -> Built:
    return Net(), inputs()


def good_twice() -> Built:
    return nn.Sequential(Net(), nn.Linear(OUTPUTS, OUTPUTS, bias=False)), inputs()


def good_convolution() -> Built:
    return nn.Conv2d(2, 3, 3), torch.ones(1, 2, 6, 7)


def good_and_large() -> Built:
    return nn.Sequential(*(nn.Linear(INPUTS, INPUTS) for _ in range(20))), inputs()


# --- ends its process ---


def _segmentation_fault(_: Net) -> None:
    ctypes.string_at(0)


def _speaks_and_exits(_: Net) -> None:
    os.write(1, b"first\n")
    os.write(2, b"\x1b[31m<b>the\x07 last\xff words</b>\x1b[0m\n \n")
    os._exit(3)


def _kills_its_supervisor_and_leaves_a_daemon(net: Net) -> None:
    _orphan(net)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(3600)


def exits_with_0() -> Built:
    return Net(lambda _: os._exit(0)), inputs()


def exits_with_7() -> Built:
    return Net(lambda _: os._exit(7)), inputs()


def exits_always() -> Built:
    return Net(lambda _: os._exit(9), traced=True), inputs()


def speaks_and_exits() -> Built:
    return Net(_speaks_and_exits), inputs()


def segmentation_fault() -> Built:
    return Net(_segmentation_fault), inputs()


def aborts() -> Built:
    return Net(lambda _: os.abort()), inputs()


def kills_itself() -> Built:
    return Net(lambda _: os.kill(os.getpid(), signal.SIGKILL)), inputs()


def kills_its_group() -> Built:
    return Net(lambda _: os.killpg(0, signal.SIGKILL)), inputs()


def kills_its_parent() -> Built:
    return Net(lambda _: (os.kill(os.getppid(), signal.SIGKILL), time.sleep(3600))), inputs()


def kills_its_parent_and_leaves_a_daemon() -> Built:
    return Net(_kills_its_supervisor_and_leaves_a_daemon), inputs()


def kills_the_server() -> Built:
    """Kill the process that all jobs come from, and so all that are under way."""
    return Net(lambda _: (psutil.Process(os.getppid()).parent().kill(), time.sleep(3600))), inputs()


def stops_the_server() -> Built:
    return Net(lambda _: psutil.Process(os.getppid()).parent().suspend()), inputs()


def stops_the_server_and_kills_its_parent() -> Built:
    def deed(_: Net) -> None:
        parent = psutil.Process(os.getppid())
        parent.parent().suspend()
        parent.kill()
        time.sleep(3600)

    return Net(deed), inputs()


def stops_its_parent() -> Built:
    return Net(lambda _: (os.kill(os.getppid(), signal.SIGSTOP), time.sleep(3600))), inputs()


def closes_all_files() -> Built:
    return Net(lambda _: os.closerange(0, 4096)), inputs()


# --- writes where results go ---


def _pipes() -> list[int]:
    """Every pipe and socket that it can write to, but what it was given as its output."""
    own = {os.fstat(descriptor).st_ino for descriptor in (0, 1, 2)}
    found = []
    for name in [path.name for path in Path("/proc/self/fd").iterdir()]:
        try:
            status = os.fstat(int(name))
        except OSError:  # the listing's own
            continue
        if (stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)) and status.st_ino not in own:
            found.append(int(name))
    return found


def _write_to_pipes(message: bytes) -> None:
    for descriptor in _pipes():
        os.write(descriptor, message)


def _message(value: object) -> bytes:
    content = pickle.dumps(value)
    return len(content).to_bytes(8) + content


class EndsWhoReadsIt:
    """A pickle that ends the process in which it is read."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return sys.exit, (5,)


def writes_nonsense_as_result() -> Built:
    return Net(lambda _: (_write_to_pipes(bytes(7) + b"\x04junk" * 10), time.sleep(3600))), inputs()


def writes_a_huge_length_as_result() -> Built:
    return Net(lambda _: _write_to_pipes(b"\xff" * 100)), inputs()


def writes_another_result() -> Built:
    return Net(lambda _: (_write_to_pipes(_message(("a text", 5))), time.sleep(3600))), inputs()


def writes_a_result_of_another_shape() -> Built:
    return Net(lambda _: (_write_to_pipes(_message((None, "much", 5))), time.sleep(3600))), inputs()


def writes_a_result_with_a_text_for_memory() -> Built:
    return Net(lambda _: (_write_to_pipes(_message((None, "much"))), time.sleep(3600))), inputs()


def writes_a_result_that_exits() -> Built:
    return Net(lambda _: (_write_to_pipes(_message((EndsWhoReadsIt(), 5))), time.sleep(3600))), inputs()


def writes_another_result_for_its_trace() -> Built:
    return Net(lambda _: (_write_to_pipes(_message(("a text", 5))), time.sleep(3600)), traced=True), inputs()


# --- never returns ---


def _loops(_: Net) -> None:
    while True:
        pass


def _blocks_signals_and_waits(_: Net) -> None:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    threading.Event().wait()


def _floods(descriptor: int) -> None:
    line = b"x" * 4095 + b"\n"
    while True:
        os.write(descriptor, line)


def hangs_in_c() -> Built:
    return Net(lambda _: ctypes.PyDLL(None).sleep(3600)), inputs()  # the interpreter stays locked


def hangs_in_a_regular_expression() -> Built:
    return Net(lambda _: re.match(r"(a+)+$", "a" * 64 + "b")), inputs()


def speaks_and_hangs() -> Built:
    return Net(lambda _: (print("half way", flush=True), time.sleep(3600))), inputs()


def hangs_in_python() -> Built:
    return Net(_loops), inputs()


def hangs_always() -> Built:
    return Net(lambda _: time.sleep(3600), traced=True), inputs()


def hangs_while_built() -> Built:
    time.sleep(3600)
    return good()


def ignores_signals() -> Built:
    return Net(_blocks_signals_and_waits), inputs()


def stops_itself() -> Built:
    return Net(lambda _: os.kill(os.getpid(), signal.SIGSTOP)), inputs()


def floods_stdout() -> Built:
    return Net(lambda _: _floods(1)), inputs()


def floods_stderr() -> Built:
    return Net(lambda _: _floods(2)), inputs()


def flood_of_results() -> Built:
    return Net(lambda _: [_write_to_pipes(b"\x7f" * 65536) for _ in range(10**9)]), inputs()


# --- takes too much ---


def _takes_memory(_: Net) -> None:
    taken = []
    for _ in range(BOMB_MEGABYTES // 10):
        taken.append(bytearray(10 * MEGABYTE))
        taken[-1][:: resource.getpagesize()] = b"x" * len(taken[-1][:: resource.getpagesize()])
    time.sleep(3600)


def _takes_tensors(_: Net) -> None:
    taken = [torch.full((10 * MEGABYTE,), 1, dtype=torch.uint8) for _ in range(BOMB_MEGABYTES // 10)]
    time.sleep(3600)
    del taken


def _takes_memory_in_a_child(net: Net) -> None:
    if os.fork() == 0:
        _takes_memory(net)
    time.sleep(3600)


def _forks(_: Net) -> None:
    for _ in range(CHILDREN):
        if os.fork() == 0:
            time.sleep(3600)
            os._exit(0)
    time.sleep(3600)


def memory_bomb() -> Built:
    return Net(_takes_memory), inputs()


def tensor_bomb() -> Built:
    return Net(_takes_tensors), inputs()


def memory_bomb_in_a_child() -> Built:
    return Net(_takes_memory_in_a_child), inputs()


def more_than_there_is() -> Built:
    return Net(lambda _: bytearray(2**60)), inputs()


def fork_bomb() -> Built:
    return Net(_forks), inputs()


# --- leaves something behind ---


def _orphan(_: Net) -> None:
    """Leave a process behind that belongs to no one, and holds a lock while it lives."""
    ready, is_ready = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            descriptor = os.open(Path(os.environ[HELD_FOLDER], str(os.getpid())), os.O_CREAT | os.O_RDWR)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.write(is_ready, b".")
            time.sleep(600)
        os._exit(0)
    os.read(ready, 1)


def _goes_on_twice(_: Net) -> None:
    os.fork()


def orphan() -> Built:
    return Net(_orphan), inputs()


def goes_on_twice() -> Built:
    return Net(_goes_on_twice), inputs()


def endless_thread() -> Built:
    return Net(lambda _: threading.Thread(target=threading.Event().wait).start()), inputs()


# --- raises ---


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class UnpicklableError(Exception):
    def __init__(self) -> None:
        super().__init__("held", lambda: None)

    def __reduce__(self) -> NoReturn:
        raise RuntimeError("stays here")


class TextOfAnotherKindError(Exception):
    def __str__(self) -> str:
        class Text(str):
            __slots__ = ()

            def splitlines(self, keepends: bool = False) -> NoReturn:
                raise RuntimeError("no lines")

        return Text("a text of its own kind")


def _raises(error: BaseException) -> Deed:
    def deed(_: Net) -> NoReturn:
        raise error

    return deed


def _raises_from_itself(_: Net) -> None:
    error = ValueError("round and round")
    raise error from error


def _recurses(net: Net) -> None:
    _recurses(net)


def exits_by_exception() -> Built:
    return Net(lambda _: sys.exit(3), traced=True), inputs()


def interrupts() -> Built:
    return Net(_raises(KeyboardInterrupt())), inputs()


def interrupts_while_built() -> Built:
    raise KeyboardInterrupt


def recurses() -> Built:
    return Net(_recurses, traced=True), inputs()


def raises_unreadable() -> Built:
    return Net(_raises(UnreadableError()), traced=True), inputs()


def raises_unpicklable() -> Built:
    return Net(_raises(UnpicklableError()), traced=True), inputs()


def raises_text_of_another_kind() -> Built:
    return Net(_raises(TextOfAnotherKindError()), traced=True), inputs()


def raises_a_megabyte() -> Built:
    return Net(_raises(ValueError("x" * MEGABYTE)), traced=True), inputs()


def raises_many_lines() -> Built:
    return Net(_raises(ValueError("\n\n\r\n=1+1\n" * 1000)), traced=True), inputs()


def raises_control_characters() -> Built:
    message = "\x1b[2J\x00\x07<script>alert(1)</script>\u202e\u2028,\";' =cmd|' /C calc'!A0"
    return Net(_raises(ValueError(message)), traced=True), inputs()


def raises_half_characters() -> Built:
    return Net(_raises(ValueError("half \ud800 of a character")), traced=True), inputs()


def raises_from_itself() -> Built:
    return Net(_raises_from_itself, traced=True), inputs()


def raises_a_group() -> Built:
    return Net(_raises(BaseExceptionGroup("several", [KeyboardInterrupt(), SystemExit(4)])), traced=True), inputs()


# --- is not what it seems ---


class WithoutRepresentation(Net):
    def __repr__(self) -> str:
        raise RuntimeError("shows nothing")


def without_representation() -> Built:
    return WithoutRepresentation(), inputs()


def _deletes_parameters(net: Net) -> None:
    if hasattr(net.fc, "weight"):
        del net.fc.weight


def _replaces_parameters(net: Net) -> None:
    net.fc.weight = nn.Parameter(torch.zeros(7, 9))


def deletes_parameters() -> Built:
    return Net(_deletes_parameters), inputs()


def replaces_parameters() -> Built:
    return Net(_replaces_parameters), inputs()


class HalfACharacterAsAName(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.add_module("half\ud800", nn.Linear(INPUTS, OUTPUTS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return next(self.children())(x)


def half_a_character_as_a_name() -> Built:
    return HalfACharacterAsAName(), inputs()


# --- changes the state of its process: the numbers stay what they are ---


def _all(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("replaced by a model")


def _changes_torch() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(7)
    torch.set_grad_enabled(False)
    torch.manual_seed(99)
    random.seed(99)
    torch.nn.functional.relu = _all
    torch.use_deterministic_algorithms(True)


def _changes_python() -> None:
    warnings.resetwarnings()
    warnings.simplefilter("always")
    os.chdir("/")
    os.environ.clear()
    sys.path.clear()
    sys.argv.clear()
    sys.setrecursionlimit(400)
    gc.set_threshold(1)
    gc.enable()
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    locale.setlocale(locale.LC_ALL, "C.UTF-8")
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    os.umask(0o777)
    os.nice(5)


def changes_torch_while_built() -> Built:
    built = good()
    _changes_torch()
    return built


def changes_torch_while_it_runs() -> Built:
    return Net(lambda _: _changes_torch(), traced=True), inputs()


def changes_python_while_built() -> Built:
    built = good()
    _changes_python()
    return built


def changes_python_while_it_runs() -> Built:
    return Net(lambda _: _changes_python(), traced=True, afterwards=True), inputs()


def meta_by_default() -> Built:
    built = good()
    torch.set_default_device("meta")
    return built


def replaces_the_end() -> Built:
    """Replace what a process needs in order to say its result and to end."""
    os._exit = lambda status: None  # type: ignore[assignment]  # hostile on purpose
    return good()


def replaces_what_writes() -> Built:
    os.write = pickle.dumps = _all  # type: ignore[assignment]  # hostile on purpose
    return good()


def closes_standard_streams() -> Built:
    sys.stdout.close()
    sys.stderr = None  # type: ignore[assignment]  # hostile on purpose
    return good()
