"""Operators that make, move, view or read data without arithmetic on it. They count nothing, by name."""

from __future__ import annotations

from reconcile.reference.registry import formula, free

free(
    *(
        f"aten.{name}"
        for name in (
            # views
            "view", "view_as", "_unsafe_view", "reshape", "reshape_as", "_reshape_alias", "flatten", "unflatten", "t",
            "transpose", "permute", "movedim", "moveaxis", "swapaxes", "swapdims", "numpy_T", "matrix_H", "mT", "mH",
            "adjoint", "squeeze", "unsqueeze", "expand", "expand_as", "broadcast_to", "broadcast_tensors", "select",
            "slice", "narrow", "chunk", "tensor_split", "split", "split_with_sizes", "unsafe_split", "unsafe_chunk",
            "unbind", "hsplit", "vsplit", "dsplit", "diagonal", "unfold", "as_strided", "alias", "detach",
            "view_as_real", "view_as_complex", "real", "imag", "conj", "resolve_conj", "resolve_neg", "_conj",
            "lift_fresh", "positive", "atleast_1d", "atleast_2d", "atleast_3d",
            # copies
            "clone", "copy", "contiguous", "to", "_to_copy", "type_as", "cat", "concat", "concatenate", "stack",
            "hstack", "vstack", "repeat", "repeat_interleave", "tile", "roll", "flip", "fliplr", "flipud", "rot90",
            "pad", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d",
            "replication_pad1d", "replication_pad2d", "replication_pad3d", "_pad_circular", "_pad_enum",
            "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "im2col", "meshgrid",
            "block_diag", "_stack", "_chunk_cat", "unsafe_split_with_sizes", "to_padded_tensor",
            "_pack_padded_sequence", "_pad_packed_sequence", "max_unpool2d", "max_unpool3d", "complex",
            "diagonal_scatter", "as_strided_scatter",
            "_pin_memory",
            # lookups
            "index", "index_select", "index_copy", "index_fill", "gather",
            "take", "take_along_dim", "masked_fill", "masked_select", "masked_scatter", "where", "embedding",
            "_unsafe_index", "_unsafe_masked_index", "put", "isin",
            "tril", "triu", "diag", "diag_embed", "one_hot", "select_scatter", "slice_scatter",
            # creation and randomness
            "empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided", "new_zeros",
            "new_ones", "new_full", "zeros", "zeros_like", "ones", "ones_like", "full", "full_like", "scalar_tensor",
            "arange", "linspace", "eye", "tril_indices", "triu_indices", "fill", "zero", "rand", "rand_like", "randn",
            "logspace", "range", "bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window",
            "fft_fftfreq", "fft_rfftfreq", "randint_like", "random", "exponential", "geometric", "cauchy", "log_normal",
            "multinomial", "poisson", "binomial", "_standard_gamma", "_sample_dirichlet",
            "randn_like", "randint", "randperm", "normal", "uniform", "_efficientzerotensor",
            # reading and bookkeeping
            "item", "_local_scalar_dense", "is_nonzero", "equal", "size", "sym_size", "sym_numel", "sym_stride",
            "stride", "numel", "is_same_size", "_assert_async", "is_floating_point",
            "_assert_tensor_metadata", "_linalg_check_errors", "_has_compatible_shallow_copy_type", "narrow_copy",
            "_nested_tensor_from_mask_left_aligned", "set", "resize", "requires_grad",
            "__lshift__", "__rshift__", "__ilshift__", "__irshift__", "_is_any_true", "_is_all_true", "allclose",
            "_functional_assert_async", "_assert_scalar", "nonzero_static", "gcd", "lcm",
            "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "bitwise_left_shift", "bitwise_right_shift",
            "logical_and", "logical_or", "logical_not", "logical_xor", "__and__", "__or__", "__xor__", "any", "all",
            "nonzero", "count_nonzero", "unique_consecutive", "bucketize", "searchsorted", "promote_types",
            "result_type",
        )
    ),
    "prim.device", "prim.layout", "prim.dtype",
)  # fmt: skip  # a list of operators


@formula(
    "dropout",
    "aten.dropout", "aten.native_dropout", "aten.feature_dropout", "aten.alpha_dropout", "aten.feature_alpha_dropout",
)  # fmt: skip  # a list of operators
def dropout() -> dict[str, int]:
    """Dropout passes or zeroes elements; no counter that is documented counts it.

    Unit: none. Source: torch.nn.Dropout's documentation.
    """
    return {}
