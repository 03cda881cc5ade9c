"""Recurrent and transformer language models in small sizes: those of transformers, and plain ones of ``torch.nn``.

Each is a model with inputs, ``benchmarks.language_models:bert(batch=3)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

VOCABULARY = 100
WIDTH = 32
TOKENS = 12
DECODED = 7
"""Tokens of a decoder, where there are an encoder and a decoder."""


def tokens(batch: int, length: int = TOKENS) -> torch.Tensor:
    return torch.zeros(batch, length, dtype=torch.int64)


def one_text(batch: int) -> tuple[torch.Tensor, ...]:
    return (tokens(batch),)


def two_texts(batch: int) -> tuple[torch.Tensor, ...]:
    return tokens(batch), tokens(batch, DECODED)


def named_text(batch: int) -> dict[str, torch.Tensor]:
    return {"input_ids": tokens(batch)}


def two_named_texts(batch: int) -> dict[str, torch.Tensor]:
    return {"input_ids": tokens(batch), "decoder_input_ids": tokens(batch, DECODED)}


@dataclass(frozen=True)
class LanguageModel:
    """What builds a model, and its inputs for a batch."""

    module: Callable[[], nn.Module]
    inputs: Callable[[int], Any] = one_text

    def __call__(self, batch: int = 1) -> tuple[nn.Module, Any]:
        return self.module(), self.inputs(batch)


def names() -> list[str]:
    """Import paths of all models."""
    return [f"{__name__}:{name}" for name, value in globals().items() if isinstance(value, LanguageModel)]


class Recurrent(nn.Module):
    """Embedding, layers of a recurrent module over the whole text, and a linear layer, which may share weights."""

    def __init__(self, layers: Callable[..., nn.RNNBase], width: int = 24, *, tied: bool = False, **options: Any):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.dropout = nn.Dropout(0.2)
        self.recurrent = layers(width, WIDTH, 2, batch_first=True, **options)
        put_out = options.get("proj_size") or WIDTH
        self.out = nn.Linear(put_out * (2 if options.get("bidirectional") else 1), VOCABULARY)
        if tied:
            self.out.weight = self.embedding.weight

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        states, _ = self.recurrent(self.dropout(self.embedding(text)))
        logits: torch.Tensor = self.out(self.dropout(states))
        return logits


class StepByStep(nn.Module):
    """A recurrent cell that is called for each token."""

    def __init__(self, cell: Callable[[int, int], nn.RNNCellBase]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 24)
        self.cell = cell(24, WIDTH)
        self.out = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        state, logits = None, []
        for step in self.embedding(text).unbind(1):
            state = self.cell(step, state)
            logits.append(self.out(state[0] if isinstance(state, tuple) else state))
        return torch.stack(logits, 1)


class GatedConvolutions(nn.Module):
    """Causal convolutions over the text with gated linear units."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.convolutions = nn.ModuleList(nn.Conv1d(WIDTH, 2 * WIDTH, 3, padding=2) for _ in range(3))
        self.out = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        x = self.embedding(text).transpose(1, 2)
        for convolution in self.convolutions:
            x = x + F.glu(convolution(x)[..., :-2], 1)
        logits: torch.Tensor = self.out(x.transpose(1, 2))
        return logits


class Decoder(nn.Module):
    """Torch's encoder layers under a causal mask."""

    def __init__(self, *, norm_first: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Parameter(torch.zeros(64, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, batch_first=True, norm_first=norm_first)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        length = text.shape[1]
        x = self.embedding(text) + self.positions[:length]
        mask = nn.Transformer.generate_square_subsequent_mask(length).to(x.device)
        logits: torch.Tensor = self.out(self.layers(x, mask=mask, is_causal=True))
        return logits


class Encoder(nn.Module):
    """Torch's encoder as it comes, with its fast path in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, batch_first=True), 2)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        states: torch.Tensor = self.layers(self.embedding(text))
        return states


class Translation(nn.Module):
    """Torch's encoder and decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.transformer = nn.Transformer(WIDTH, 4, 2, 2, 2 * WIDTH, batch_first=True)
        self.out = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, text: torch.Tensor, translated: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.out(self.transformer(self.embedding(text), self.embedding(translated)))
        return logits


lstm = LanguageModel(partial(Recurrent, nn.LSTM))
lstm_with_shared_weights = LanguageModel(partial(Recurrent, nn.LSTM, WIDTH, tied=True))
lstm_in_both_directions = LanguageModel(partial(Recurrent, nn.LSTM, bidirectional=True))
lstm_with_projection = LanguageModel(partial(Recurrent, nn.LSTM, proj_size=16))
gru = LanguageModel(partial(Recurrent, nn.GRU))
gru_in_both_directions = LanguageModel(partial(Recurrent, nn.GRU, bidirectional=True, bias=False))
rnn = LanguageModel(partial(Recurrent, nn.RNN, nonlinearity="relu"))
lstm_cell = LanguageModel(partial(StepByStep, nn.LSTMCell))
gru_cell = LanguageModel(partial(StepByStep, nn.GRUCell))
rnn_cell = LanguageModel(partial(StepByStep, nn.RNNCell))
gated_convolutions = LanguageModel(GatedConvolutions)
decoder = LanguageModel(partial(Decoder, norm_first=False))
decoder_with_norm_first = LanguageModel(partial(Decoder, norm_first=True))
encoder = LanguageModel(Encoder)
translation = LanguageModel(Translation, two_texts)


def of_transformers(
    model: str, configuration: str, inputs: Callable[[int], Any] = named_text, **sizes: Any
) -> LanguageModel:
    """A model of transformers by its class, and its configuration's."""

    def build() -> nn.Module:
        import transformers

        module: nn.Module = getattr(transformers, model)(getattr(transformers, configuration)(**sizes))
        return module

    return LanguageModel(build, inputs)


SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 2 * WIDTH,
}
GROUPED = {**SIZES, "num_key_value_heads": 2}
"""Two heads share a key and a value."""

WITHOUT_HIDDEN = {key: SIZES[key] for key in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")}

bert = of_transformers("BertForMaskedLM", "BertConfig", **SIZES)
roberta = of_transformers("RobertaForSequenceClassification", "RobertaConfig", **SIZES)
distilbert = of_transformers(
    "DistilBertModel", "DistilBertConfig", vocab_size=VOCABULARY, dim=WIDTH, n_layers=2, n_heads=4, hidden_dim=64
)
albert = of_transformers("AlbertModel", "AlbertConfig", embedding_size=16, **SIZES)
electra = of_transformers("ElectraForPreTraining", "ElectraConfig", embedding_size=16, **SIZES)
deberta_v2 = of_transformers("DebertaV2Model", "DebertaV2Config", **SIZES)
gpt2 = of_transformers("GPT2LMHeadModel", "GPT2Config", vocab_size=VOCABULARY, n_embd=WIDTH, n_layer=2, n_head=4)
gpt_neox = of_transformers("GPTNeoXForCausalLM", "GPTNeoXConfig", **SIZES)
opt = of_transformers("OPTForCausalLM", "OPTConfig", ffn_dim=64, word_embed_proj_dim=WIDTH, **WITHOUT_HIDDEN)
llama = of_transformers("LlamaForCausalLM", "LlamaConfig", **GROUPED)
mistral = of_transformers("MistralForCausalLM", "MistralConfig", **GROUPED)
qwen2 = of_transformers("Qwen2ForCausalLM", "Qwen2Config", **GROUPED)
gemma = of_transformers("GemmaForCausalLM", "GemmaConfig", head_dim=8, **GROUPED)
mixtral = of_transformers("MixtralForCausalLM", "MixtralConfig", num_local_experts=4, **GROUPED)
bloom = of_transformers(
    "BloomForCausalLM", "BloomConfig", vocab_size=VOCABULARY, hidden_size=WIDTH, n_layer=2, n_head=4
)
falcon = of_transformers("FalconForCausalLM", "FalconConfig", **WITHOUT_HIDDEN)
mamba = of_transformers(
    "MambaForCausalLM", "MambaConfig", vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=2, state_size=8
)
rwkv = of_transformers(
    "RwkvForCausalLM",
    "RwkvConfig",
    vocab_size=VOCABULARY,
    hidden_size=WIDTH,
    num_hidden_layers=2,
    attention_hidden_size=WIDTH,
)
t5 = of_transformers(
    "T5Model",
    "T5Config",
    two_named_texts,
    vocab_size=VOCABULARY,
    d_model=WIDTH,
    d_kv=8,
    d_ff=64,
    num_layers=2,
    num_heads=4,
)
bart = of_transformers(
    "BartModel",
    "BartConfig",
    two_named_texts,
    vocab_size=VOCABULARY,
    d_model=WIDTH,
    encoder_layers=2,
    decoder_layers=2,
    encoder_attention_heads=4,
    decoder_attention_heads=4,
    encoder_ffn_dim=64,
    decoder_ffn_dim=64,
)
