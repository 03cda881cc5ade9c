"""Imported once by the process from which workers are forked, so that each starts in milliseconds.

Importing the tools changes nothing in torch: they patch and hook only while they measure.
"""

import fvcore.nn  # noqa: F401
import ptflops  # noqa: F401
import thop  # noqa: F401
import torchinfo  # noqa: F401

import reconcile.diff  # noqa: F401
import reconcile.run.worker  # noqa: F401
