"""A run without arithmetic: only what is stated is computed, nothing unwritten is read, nothing stays behind."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import _len_torch_dispatch_stack

from reconcile.execution import ValuesNeededError, WithoutArithmetic
from tests.execution.models import layers, rows


def run(forward: Callable[[], Any]) -> Any:
    mode = WithoutArithmetic()
    try:
        with torch.no_grad(), mode:
            return forward()
    finally:
        mode.close()


@torch.library.custom_op("reconcile_tests::first_two", mutates_args=())
def first_two(x: torch.Tensor) -> torch.Tensor:
    return x[:2].clone()


@first_two.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


X = rows()


def unknown() -> torch.Tensor:
    return X + 1


def in_a_thread() -> None:
    thread = threading.Thread(target=lambda: X + 1)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "read",
    [
        lambda: unknown().tolist(),
        lambda: unknown().numpy(),
        lambda: np.asarray(unknown()),
        lambda: unknown().data_ptr(),
        lambda: bytes(unknown().untyped_storage()),
        lambda: torch.tensor([unknown().sum(), unknown().max()]),
        lambda: torch.LongTensor([unknown().argmax()]),
        lambda: torch.zeros(0).set_(unknown()).tolist(),
        lambda: torch.tensor_split(X, unknown().argmax(1)),
        lambda: torch.zeros(4, 8).copy_(unknown()).tolist(),
        lambda: torch.zeros(4, 8).view(-1).mul_(unknown().view(-1)).view(4, 8).tolist(),
        lambda: float(unknown().sum()),
        lambda: f"{unknown().sum():.1f}",
        lambda: bool((unknown() > 0).all()),
        lambda: torch.rand(1).item(),
        lambda: torch.linalg.cholesky(unknown()[:, :4]),
        lambda: first_two(unknown()),
        lambda: torch.add(X, 1, out=torch.empty(0)),
        lambda: unknown().to("meta"),
        in_a_thread,
    ],
)
def test_whatever_reads_what_was_not_computed_stops_the_run(read: Callable[[], Any]) -> None:
    with pytest.raises((ValuesNeededError, RuntimeError)):
        run(read)


def test_running_statistics_are_not_to_be_read_after_training() -> None:
    norm = nn.BatchNorm1d(8)
    with pytest.raises(RuntimeError, match="not computed"):
        run(lambda: (norm(X), norm.running_mean.tolist()))


def test_indices_out_of_range_raise_as_they_do_where_the_model_is_computed() -> None:
    table = torch.rand(5, 3)
    assert run(lambda: F.embedding(torch.tensor([4]), table)).shape == (1, 3)
    with pytest.raises(ValuesNeededError, match="out of range"):
        run(lambda: F.embedding(torch.tensor([5]), table))


def test_what_the_code_states_is_computed() -> None:
    assert run(lambda: torch.arange(4).mul(2).tolist()) == [0, 2, 4, 6]
    assert run(lambda: torch.tensor([[1.5, 2.5]]).sum().item()) == 4.0
    assert run(lambda: torch.empty(2, dtype=torch.int64).fill_(3).tolist()) == [3, 3]
    assert run(lambda: unknown().zero_().tolist()) == torch.zeros(4, 8).tolist()


@pytest.mark.parametrize(
    "forward",
    [
        lambda: unknown().t_(),
        lambda: unknown().view(2, 16).unsqueeze_(0).transpose_(0, 1),
        lambda: F.conv2d(
            torch.ones(2, 3, 8, 8).to(memory_format=torch.channels_last) + X[0, 0], torch.ones(4, 3, 3, 3)
        ),
        lambda: torch.stack([unknown(), X], 1).sum(0, keepdim=True).topk(2).indices,
        lambda: torch.fft.rfft(unknown()),
        lambda: unknown().to(torch.bfloat16) @ X.t().bfloat16(),
        lambda: F.interpolate(unknown()[None, None], scale_factor=2),
        lambda: unknown()[:0],
    ],
)
def test_shapes_strides_and_types_are_those_of_the_computed_result(forward: Callable[[], torch.Tensor]) -> None:
    expected, found = forward(), run(forward)
    assert (found.shape, found.stride(), found.dtype) == (expected.shape, expected.stride(), expected.dtype)


def test_functions_that_a_tool_replaces_are_called_by_the_model_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("linear", "relu", "conv2d", "softmax"):
        original = getattr(F, name)
        monkeypatch.setattr(F, name, lambda *args, _f=original, **kwargs: calls.append(_f) or _f(*args, **kwargs))
    original = torch.matmul
    monkeypatch.setattr(torch, "matmul", lambda *args: calls.append(original) or original(*args))
    run(lambda: layers(lambda m, x: F.relu(m.first(x)))(X))
    assert len(calls) == 2


def test_parameters_are_not_read() -> None:
    model = layers(lambda m, x: m.first(x))
    model.first.weight.data.fill_(torch.nan)
    before = model.first.weight.detach().clone()
    result = run(lambda: model(X))
    assert result.shape == (4, 8)
    assert torch.equal(model.first.weight, before) or before.isnan().all()


def _peak_of_a_large_layer(pipe: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    torch.set_num_threads(1)  # threads of the process that was forked are not here
    size = 40_000
    weight = torch.empty(size, size)  # 6.4 GB, were it ever touched
    out = run(lambda: F.relu(F.linear(torch.zeros(2, size) + X[0, 0], weight)).sum())
    pipe.send((tuple(out.shape), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory that is never touched may be counted")
def test_memory_stays_where_it_was() -> None:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_peak_of_a_large_layer, args=(there,))
    process.start()
    assert here.poll(60)
    shape, kilobytes = here.recv()
    process.join()
    assert shape == ()
    assert kilobytes < 200_000


def children() -> int:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0
    return 1


def raises() -> None:
    X + 1
    raise KeyError("the model's own")


@pytest.mark.parametrize("forward", [lambda: X + 1, raises, lambda: unknown().sum().item()])
def test_nothing_stays_behind(forward: Callable[[], Any]) -> None:
    depth, start, dtype = _len_torch_dispatch_stack(), threading.Thread.start, torch.get_default_dtype()
    mode = WithoutArithmetic()
    try:
        with mode:
            process = mode._shapes._process
            forward()
    except (KeyError, ValuesNeededError):
        pass
    assert _len_torch_dispatch_stack() == depth
    assert threading.Thread.start is start
    assert torch._C._get_tracing_state() is None
    assert torch.get_default_dtype() == dtype
    for _ in range(2):  # closing twice is closing once
        try:
            mode.close()
        except ValuesNeededError:
            assert forward is not raises
    with pytest.raises(ChildProcessError):
        os.waitpid(process, 0)
    assert torch.equal(X + 1, rows() + 1)


def test_two_at_a_time_end_in_any_order() -> None:
    first, second = WithoutArithmetic(), WithoutArithmetic()
    with first:
        X + 1
    with second:
        X + 1
    first.close()
    second.close()


def test_what_is_entered_again_is_left_once() -> None:
    start = threading.Thread.start
    mode = WithoutArithmetic()
    with mode, mode:
        assert not (X + 1).is_meta
    assert threading.Thread.start is start
    mode.close()
