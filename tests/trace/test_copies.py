"""What a run may touch is a copy: the model, what its functions refer to, and its inputs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import reconcile
from reconcile.reference import COUNTING
from reconcile.trace import EVERYTHING, Detail, trace


class Normalized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x))


IMAGE = torch.rand(2, 3, 8, 8)
PRODUCTS = 2 * 4 * 36 * 27
GLOBAL = Normalized()


def wrapped(how: str) -> nn.Module:
    model = Normalized()
    forward = model.forward
    match how:
        case "closure":
            model.forward = lambda x: forward(x).contiguous()  # type: ignore[method-assign]  # as wrappers of modules do
        case "default":
            model.forward = lambda x, inner=model: inner.bn(inner.conv(x))  # type: ignore[method-assign]  # likewise
        case "partial":
            model.forward = partial(lambda inner, x: inner.bn(inner.conv(x)), model)  # type: ignore[method-assign]  # likewise
        case "keyword default":
            model.forward = lambda x, *, inner=model: inner.bn(inner.conv(x))  # type: ignore[method-assign]  # likewise
        case "container":
            layers, named = [model.conv], {"bn": (model.bn,)}
            model.forward = lambda x: named["bn"][0](layers[0](x))  # type: ignore[method-assign]  # likewise
        case "recursion":

            def again(x: torch.Tensor, depth: int = 0) -> torch.Tensor:
                return forward(x) if depth else again(x, 1)

            model.forward = again  # type: ignore[method-assign]  # likewise
        case "global":
            model = GLOBAL
            vars(model).pop("forward", None)
            vars(model)["forward"] = lambda x: GLOBAL.bn(GLOBAL.conv(x))
    return model


@pytest.mark.parametrize(
    "how", ["closure", "default", "keyword default", "partial", "container", "recursion", "global"]
)
def test_functions_in_attributes_run_the_copy(how: str) -> None:
    model = wrapped(how).train()
    found = trace(model, (IMAGE,), mode="eval")
    assert found.calls == {"": 1, "conv": 1, "bn": 1}
    assert model.bn.num_batches_tracked == 0
    trace(model, (IMAGE,), mode="train")
    assert model.bn.num_batches_tracked == 0
    assert model.training


def test_functions_that_lead_to_no_module_stay_themselves() -> None:
    class Holds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.activation = F.relu

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert self.activation is F.relu
            return self.activation(x)

    assert trace(Holds(), (IMAGE,)).execution == "meta"


@dataclass
class Batch:
    x: torch.Tensor


class Cache:
    def __init__(self) -> None:
        self.keys: list[torch.Tensor] = []


class Changes(nn.Module):
    """Changes its inputs, in place and by assignment."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, batch: Batch, cache: Cache, plain: torch.Tensor) -> torch.Tensor:
        plain.t_()
        batch.x.add_(1)
        batch.x = self.fc(batch.x)
        cache.keys.append(batch.x)
        return torch.cat(cache.keys)


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_inputs_of_any_type_are_left_as_they_were_found(device: str) -> None:
    batch, cache, plain = Batch(torch.zeros(2, 4, device=device)), Cache(), torch.zeros(2, 4, device=device)
    x = batch.x
    for _ in range(2):
        assert reconcile.count(Changes().to(device), (batch, cache, plain)).total == 2 * 4 * 4
    assert batch.x is x
    assert cache.keys == []
    assert plain.shape == (2, 4)
    assert not vars(plain)
    assert device == "meta" or not x.any()


def test_an_attribute_in_a_graph_of_gradients_is_copied() -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.saved = [self.fc(torch.ones(1, 4))]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.saved.append(self.fc(x))
            return x if x.sum().item() < 0 else self.saved[-1]

    model = Keeps()
    assert trace(model, (torch.ones(2, 4),)).execution == "real"
    assert len(model.saved) == 1


@pytest.mark.parametrize("detail", [EVERYTHING, COUNTING], ids=["everything", "counting"])
def test_values_that_a_model_computes_from_constants_are_right(detail: Detail) -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            steps = int(F.linear(torch.ones(1, 3), torch.ones(1, 3)).item())
            steps += sum(value > 0 for value in F.layer_norm(torch.arange(8.0), (8,)).tolist())
            for _ in range(steps):
                x = self.fc(x)
            return x

    found = trace(Counts(), (torch.rand(2, 4),), detail=detail)
    assert found.execution == "meta"
    assert found.calls["fc"] == 3 + 4


def test_a_model_that_passes_its_own_hooks_by_is_recorded_whole() -> None:
    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(self.a(x) @ x.new_ones(4, 4))

        def __call__(self, x: torch.Tensor) -> torch.Tensor:
            return self.forward(x)

    found = reconcile.count(Direct(), torch.rand(2, 4))
    assert found.reference.by_layer() == {"a": 32, "": 32, "b": 32}
    assert reconcile.count(nn.Identity(), torch.rand(2, 4)).total == 0


def test_threads_leave_torchs_switches_as_they_were() -> None:
    totals: list[int] = []
    threads = [
        threading.Thread(target=lambda: totals.append(reconcile.count(nn.LSTM(3, 4), torch.zeros(5, 1, 3)).total))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == [5 * 4 * 4 * (3 + 4)] * 6
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch._C._get_mkldnn_enabled()


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_scripted_modules_belong_to_the_module_above_them() -> None:
    scripted: Any = torch.jit.script(nn.Sequential(nn.Linear(4, 5), nn.ReLU()))
    assert reconcile.count(scripted, torch.rand(2, 4)).total == 40
    found = reconcile.count(nn.Sequential(scripted, nn.Linear(5, 3)), torch.rand(2, 4))
    assert found.reference.by_layer() == {"": 40, "1": 30}


def test_lazy_normalization_finds_its_shape() -> None:
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d())
    found = reconcile.count(model, IMAGE, strict=True)
    assert (found.total, found.parameters) == (PRODUCTS, 4 * 27 + 4 + 8)
    assert nn.parameter.is_lazy(model[1].weight)


def test_a_packed_sequence_is_one_input() -> None:
    packed = nn.utils.rnn.pack_sequence([torch.rand(5, 6), torch.rand(3, 6), torch.rand(2, 6)])
    assert reconcile.count(nn.LSTM(6, 8), packed, strict=True).total == (5 + 3 + 2) * 4 * 8 * (6 + 8)
