"""One execution of a model as a tree of calls: modules, functions, operators."""

from reconcile.trace.dataless import map_tensors, real_copy
from reconcile.trace.detail import EVERYTHING, Depth, Detail
from reconcile.trace.tracer import trace, trace_spec
from reconcile.trace.tree import ROOT, Call, ModuleInfo, ParameterInfo, TensorSpec, Trace, Value, tensors

__all__ = [
    "EVERYTHING",
    "ROOT",
    "Call",
    "Depth",
    "Detail",
    "ModuleInfo",
    "ParameterInfo",
    "TensorSpec",
    "Trace",
    "Value",
    "map_tensors",
    "real_copy",
    "tensors",
    "trace",
    "trace_spec",
]
