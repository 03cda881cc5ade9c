"""A plain stack of decoder layers with the published dimensions of a model of 70 billion parameters."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Dimensions:
    """Sizes of a decoder; the defaults are those of Llama 3 70B (arXiv:2407.21783, table 3)."""

    layers: int = 80
    width: int = 8192
    hidden: int = 28672
    heads: int = 64
    key_value_heads: int = 8
    vocabulary: int = 128256


class Layer(nn.Module):
    def __init__(self, dimensions: Dimensions) -> None:
        super().__init__()
        self.head = dimensions.width // dimensions.heads
        key_value = dimensions.key_value_heads * self.head
        self.attention_norm = nn.RMSNorm(dimensions.width)
        self.query = nn.Linear(dimensions.width, dimensions.width, bias=False)
        self.key = nn.Linear(dimensions.width, key_value, bias=False)
        self.value = nn.Linear(dimensions.width, key_value, bias=False)
        self.output = nn.Linear(dimensions.width, dimensions.width, bias=False)
        self.norm = nn.RMSNorm(dimensions.width)
        self.gate = nn.Linear(dimensions.width, dimensions.hidden, bias=False)
        self.up = nn.Linear(dimensions.width, dimensions.hidden, bias=False)
        self.down = nn.Linear(dimensions.hidden, dimensions.width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        normalized = self.attention_norm(x)
        query, key, value = (
            projection(normalized).unflatten(-1, (-1, self.head)).transpose(1, 2)
            for projection in (self.query, self.key, self.value)
        )
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
        x = x + self.output(attended.transpose(1, 2).flatten(2))
        normalized = self.norm(x)
        return x + self.down(F.silu(self.gate(normalized)) * self.up(normalized))


class Decoder(nn.Module):
    def __init__(self, dimensions: Dimensions) -> None:
        super().__init__()
        self.embedding = nn.Embedding(dimensions.vocabulary, dimensions.width)
        self.layers = nn.ModuleList(Layer(dimensions) for _ in range(dimensions.layers))
        self.norm = nn.RMSNorm(dimensions.width)
        self.head = nn.Linear(dimensions.width, dimensions.vocabulary, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x)
        logits: torch.Tensor = self.head(self.norm(x))
        return logits


def decoder(dimensions: Dimensions, tokens: int) -> tuple[nn.Module, torch.Tensor]:
    """The model and its input, both without data."""
    with torch.device("meta"):
        return Decoder(dimensions), torch.empty(1, tokens, dtype=torch.int64)


def multiply_adds(dimensions: Dimensions, tokens: int) -> int:
    """Products of one pass, by hand: projections, attention (every score), three matrices of the feed-forward part."""
    width, hidden = dimensions.width, dimensions.hidden
    key_value = width * dimensions.key_value_heads // dimensions.heads
    projections = tokens * width * (2 * width + 2 * key_value)
    attention = 2 * tokens * tokens * width
    feed_forward = 3 * tokens * width * hidden
    return dimensions.layers * (projections + attention + feed_forward) + tokens * width * dimensions.vocabulary


def parameters(dimensions: Dimensions) -> int:
    """Parameters, by hand."""
    width = dimensions.width
    key_value = width * dimensions.key_value_heads // dimensions.heads
    layer = width * (2 * width + 2 * key_value) + 3 * width * dimensions.hidden + 2 * width
    return dimensions.layers * layer + width + 2 * dimensions.vocabulary * width
