"""Imported once by the process from which workers are forked, so that each starts in milliseconds.

Importing the tools changes nothing in torch: they patch and hook only while they measure.
"""

import warnings

import reconcile.diff
import reconcile.run.worker

with warnings.catch_warnings():
    # thop and fvcore import parts of Python and torch that are about to retire; their users cannot change that.
    warnings.simplefilter("ignore")
    import fvcore.nn
    import ptflops
    import thop
    import torchinfo

__all__ = ["fvcore", "ptflops", "reconcile", "thop", "torchinfo"]
