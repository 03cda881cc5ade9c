"""Imported once by the process from which jobs are forked, so that each starts in milliseconds.

Importing the tools changes nothing in torch: they patch and hook only while they measure.
"""

import gc
import warnings

import reconcile.jobs.worker
from reconcile.execution import warm_up
from reconcile.rules import load_rulebook
from reconcile.tools import ADAPTERS

with warnings.catch_warnings():
    # thop and fvcore import parts of Python and torch that are about to retire; their users cannot change that.
    warnings.simplefilter("ignore")
    import fvcore.nn
    import ptflops
    import thop
    import torchinfo

for name in ADAPTERS:
    load_rulebook(name)  # jobs find it read

warm_up()
gc.freeze()  # what is here stays: looking through it for garbage would copy its memory into every job

__all__ = ["fvcore", "ptflops", "reconcile", "thop", "torchinfo"]
