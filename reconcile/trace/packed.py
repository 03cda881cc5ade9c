"""The weights of quantized layers, which torch keeps packed in objects of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import _disable_current_modes

_SETTINGS = ("stride", "padding", "output_padding", "dilation", "groups", "transpose")


def unpack(packed: torch.ScriptObject) -> dict[str, Any]:
    """Return ``weight``, ``bias`` and, of a convolution, its settings; nothing of an object that holds other things."""
    with _disable_current_modes():  # unpacking is no part of what the model does
        unpacked = packed.unpack() if hasattr(packed, "unpack") else None
    if not isinstance(unpacked, tuple) or len(unpacked) != 2:
        return {}
    weight, bias = unpacked
    return {"weight": weight, "bias": bias} | {
        name: getattr(packed, name)() for name in _SETTINGS if hasattr(packed, name)
    }


def packed_parameters(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return the module's own packed weights, by the names ``weight`` and ``bias``."""
    return {
        name: value
        for packed in vars(module).values()
        if isinstance(packed, torch.ScriptObject)
        for name, value in unpack(packed).items()
        if isinstance(value, torch.Tensor)
    }
