"""Memory that nobody has written, sealed: torch raises wherever something asks for its address."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from reconcile.execution.values import storage_of


def seal(tensors: Sequence[torch.Tensor]) -> None:
    """Let nothing read the memory behind these tensors, be it an operator, NumPy, C++ or another thread."""
    for tensor in tensors:
        storage = storage_of(tensor)
        if storage is not None:
            torch._C._set_storage_data_ptr_access_error_msg(storage._cdata, _MESSAGE)


def unseal(tensors: Sequence[torch.Tensor]) -> None:
    """Let memory be used again that is about to be written."""
    for tensor in tensors:
        storage = storage_of(tensor)
        if storage is not None:
            torch._C._clear_storage_data_ptr_access_error_msg(storage._cdata)


_MESSAGE = "these values were not computed"
