from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from reconcile.errors import ModelError
from reconcile.trace import TensorSpec, trace
from tests import networks


def names(found: nn.Module, *inputs: torch.Tensor, kind: str) -> list[str]:
    return [call.name for call in trace(found, inputs).root.walk() if call.kind == kind]


def test_the_tree_holds_modules_functions_and_operators() -> None:
    found = trace(networks.Convolutional(), (torch.zeros(2, 3, 8, 8),))
    assert found.execution == "meta"
    assert found.root.name == "tests.networks.Convolutional"
    assert [call.path for call in found.root.children if call.kind == "module"] == ["conv", "bn", "relu", "pool", "fc"]
    conv = found.root.children[0]
    assert conv.name == "torch.nn.Conv2d"
    (function,) = conv.children
    assert function.name == "torch.nn.functional.conv2d"
    (operator,) = function.children
    assert operator.name == "aten.conv2d"
    assert operator.named["padding"] == (1, 1)
    assert operator.named["weight"] == TensorSpec((8, 3, 3, 3), "float32", "conv.weight")
    assert operator.output == TensorSpec((2, 8, 8, 8), "float32", None, "aten.conv2d")
    assert [call.name for call in operator.children] == ["aten.convolution"]


def test_parameters_and_their_owners_belong_to_the_tree() -> None:
    found = trace(networks.TiedWeights(), (torch.zeros(1, 6),))
    assert found.modules["second"].parameters == {"weight": "first.weight", "bias": "second.bias"}
    assert found.parameters["first.weight"].names == ("first.weight", "second.weight")
    assert sum(parameter.elements for parameter in found.parameters.values()) == 36 + 6 + 6


def test_calls_are_numbered_and_owners_listed() -> None:
    three = trace(networks.CalledThreeTimes(), (torch.zeros(1, 7),))
    assert three.calls == {"layer": 3, "": 1}
    assert [call.number for call in three.root.children] == [0, 1, 2]
    assert trace(networks.TwoOwners(), (torch.zeros(1, 6),)).modules["left.0"].visits == ("left.0", "right.0")


def test_the_last_path_of_a_module() -> None:
    layer = nn.ReLU()
    shared = nn.Sequential(layer, layer)
    modules = trace(nn.Sequential(shared, layer, nn.Sequential(shared), shared), (torch.zeros(1),)).modules
    assert {path: module.last_path for path, module in modules.items()} == {"": "", "0": "3", "0.0": "3.1", "2": "2"}
    assert modules["0"].visits == ("0", "2.0")  # children by name, each once


def test_modules_that_never_run_are_listed() -> None:
    assert trace(networks.Frozen(), (torch.zeros(1, 4),)).uncalled == ("unused",)


def test_operators_of_the_language_are_told_from_methods() -> None:
    class Sums(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x + 1
            y = y.add(1)
            y += x
            y = torch.mul(y, 2) * 3
            return y @ x

    assert names(Sums(), torch.zeros(2, 2), kind="function") == [
        "torch.Tensor.__add__",
        "torch.Tensor.add",
        "torch.Tensor.__iadd__",
        "torch.mul",
        "torch.Tensor.__mul__",
        "torch.Tensor.__matmul__",
    ]


def test_attention_is_traced_by_its_parts_although_it_has_a_fast_path() -> None:
    found = trace(networks.Attention(), (torch.zeros(2, 5, 16),))
    operators = [call.name for call in found.root.walk() if call.kind == "operator"]
    assert operators.count("aten.linear") == 2
    assert "aten.scaled_dot_product_attention" in operators
    assert "aten._native_multi_head_attention" not in operators


def test_keyword_inputs_and_integers() -> None:
    model, inputs = networks.two_inputs()
    found = trace(model, (), inputs)
    assert found.named_inputs["ids"] == TensorSpec((2, 5), "int64")
    assert found.execution == "meta"


def test_control_flow_that_reads_values_runs_on_real_tensors() -> None:
    found = trace(networks.ReadsData(), (torch.ones(1, 4),))
    assert found.execution == "real"
    assert found.calls["fc"] == 1
    assert trace(networks.ReadsData(), (-torch.ones(1, 4),)).calls["fc"] == 2


def test_tensors_made_in_forward_meet_tensors_without_data() -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.arange(6.0)  # neither parameter nor buffer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            count = int(torch.tensor([2, 3]).sum().item())
            return x.to("cpu") + torch.arange(6).to(x.device) * count + self.table

    found = trace(Positions(), (torch.zeros(2, 6),))
    assert found.execution == "meta"
    assert found.root.output == TensorSpec((2, 6), "float32", None, "aten.add")


class Stateful(nn.Module):
    """Counts its calls, caches a tensor, updates a buffer, uses randomness; raises if told to."""

    def __init__(self, fails: bool) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(4)
        self.drop = nn.Dropout()
        self.fails = fails
        self.calls = 0
        self.cache: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.cache = self.drop(self.bn(x))
        if self.fails:
            raise ValueError("as asked")
        return self.cache


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_model_is_left_as_it_was_found(fails: bool, mode: str) -> None:
    model = Stateful(fails)
    model.drop.eval()
    handle = model.register_forward_hook(lambda *_: None)
    x = torch.rand(3, 4)
    state = copy.deepcopy(model.state_dict())
    before = (x.clone(), torch.random.get_rng_state(), dict(model._forward_hooks), set(vars(model)), model.bn.training)
    if fails:
        with pytest.raises(ModelError, match="ValueError: as asked"):
            trace(model, (x,), mode=mode)  # type: ignore[arg-type]  # a parametrized text
    else:
        trace(model, (x,), mode=mode)  # type: ignore[arg-type]  # a parametrized text
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert torch.equal(x, before[0])
    assert torch.equal(torch.random.get_rng_state(), before[1])
    assert dict(model._forward_hooks) == before[2] == {handle.id: model._forward_hooks[handle.id]}
    assert set(vars(model)) == before[3]
    assert (model.training, model.bn.training, model.drop.training) == (True, before[4], False)
    assert (model.calls, model.cache) == (0, None)


def test_lazy_modules_stay_lazy() -> None:
    model = nn.Sequential(nn.LazyLinear(5), nn.ReLU())
    found = trace(model, (torch.zeros(2, 3),))
    assert found.parameters["0.weight"].elements == 15
    assert nn.parameter.is_lazy(model[0].weight)


def test_mode_is_what_was_asked_for() -> None:
    training = trace(networks.Convolutional().eval(), (torch.zeros(2, 3, 8, 8),), mode="train")
    (norm,) = (call for call in training.root.walk() if call.name == "aten.batch_norm")
    assert training.mode == "train"
    assert norm.named["training"] is True


def test_a_model_on_meta_stays_there() -> None:
    with torch.device("meta"):
        model = networks.Convolutional()
    found = trace(model, (torch.zeros(1, 3, 8, 8),))
    assert found.execution == "meta"
