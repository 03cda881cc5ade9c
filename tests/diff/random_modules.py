"""Modules that random networks consist of beside torch's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class Function(nn.Module):
    """A function that no module wraps; the names of torch in it are looked up when it is called."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def extra_repr(self) -> str:
        return f"line {self.function.__code__.co_firstlineno}"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


class EarlyFunction(nn.Module):
    """A function of torch that is kept when the module is made."""

    def __init__(self, act: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(x)


class FromParts(nn.Module):
    """What a function does with some layers and the input."""

    def __init__(self, function: Callable[[nn.ModuleList, torch.Tensor], torch.Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self.parts, x)


class Add(nn.Module):
    """``x + inner(x)``, with the addition as an operator of the language, a function or a method."""

    def __init__(self, inner: nn.Module, by: str) -> None:
        super().__init__()
        self.inner = inner
        self.by = by

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        match self.by:
            case "function":
                return torch.add(x, self.inner(x))
            case "method":
                return x.add(self.inner(x))
            case "in place":
                y = self.inner(x).clone()
                y += x
                return y
        return x + self.inner(x)


class Concatenated(nn.Module):
    def __init__(self, branches: Sequence[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Listed(nn.Module):
    """Layers in a list or a dictionary, one after the other."""

    def __init__(self, layers: Sequence[nn.Module], as_dictionary: bool) -> None:
        super().__init__()
        self.layers: Any = (
            nn.ModuleDict({f"layer{number}": layer for number, layer in enumerate(layers)})
            if as_dictionary
            else nn.ModuleList(layers)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers.values() if isinstance(self.layers, nn.ModuleDict) else self.layers:
            x = F.relu(layer(x))
        return x


class Chosen(nn.Module):
    """A layer that runs and a head that does not."""

    def __init__(self, used: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.used = used
        self.head = head
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.used(x)


class NormedConvolution(nn.Conv2d):
    """A subclass of a layer that has children."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.norm = nn.GroupNorm(1, self.out_channels)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.norm(super().forward(x)))


class SubclassedLinear(nn.Linear):
    """A subclass of a layer that does something more."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(super().forward(x))


class WithOwnParameter(nn.Module):
    """A product with a parameter of the module itself."""

    def __init__(self, width: int, out: int, by: str) -> None:
        super().__init__()
        self.projection = nn.Parameter(torch.ones(width, out))
        self.offset = nn.Parameter(torch.zeros(out))
        self.by = by

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        match self.by:
            case "function":
                return F.linear(x, self.projection.t(), self.offset)
            case "method":
                return x.matmul(self.projection).add(self.offset)
        return x @ self.projection + self.offset


class Attention(nn.Module):
    """Self-attention of a layer, with or without a mask."""

    def __init__(self, attention: nn.MultiheadAttention, need_weights: bool, masked: bool) -> None:
        super().__init__()
        self.attention = attention
        self.need_weights = need_weights
        self.masked = masked

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length = x.shape[1] if self.attention.batch_first else x.shape[0]
        mask = torch.ones(length, length, dtype=torch.bool).triu(1) if self.masked else None
        return self.attention(x, x, x, need_weights=self.need_weights, attn_mask=mask)[0]


class Recurrent(nn.Module):
    """What a recurrent layer returns for each token, with or without a state that it is given."""

    def __init__(self, layer: nn.RNNBase, with_state: bool) -> None:
        super().__init__()
        self.layer = layer
        self.with_state = with_state

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.with_state:
            return self.layer(x)[0]
        layer = self.layer
        samples = x.shape[0] if layer.batch_first else x.shape[1]
        states = layer.num_layers * (2 if layer.bidirectional else 1)
        state = torch.zeros(states, samples, layer.proj_size or layer.hidden_size)
        if isinstance(layer, nn.LSTM):
            return layer(x, (state, torch.zeros(states, samples, layer.hidden_size)))[0]
        return layer(x, state)[0]


class Last(nn.Module):
    """The tokens of what a recurrent layer returns."""

    def forward(self, given: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return given[0]


class Cell(nn.Module):
    """A recurrent cell in a loop over tokens, or on rows, once."""

    def __init__(self, cell: nn.RNNCellBase) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() == 2:
            return self._hidden(self.cell(x))
        state, found = None, []
        for token in x.unbind(1):
            state = self.cell(token, state)
            found.append(self._hidden(state))
        return torch.stack(found, 1)

    def _hidden(self, state: Any) -> torch.Tensor:
        return state[0] if isinstance(state, tuple) else state
