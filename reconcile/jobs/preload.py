"""Imported once by the process from which jobs are forked, so that each starts in milliseconds.

Importing the tools changes nothing in torch: they patch and hook only while they measure.
"""

import gc
import importlib
import warnings
from contextlib import suppress

import reconcile.jobs.worker
from reconcile.execution import warm_up
from reconcile.rules import find_rulebook
from reconcile.tools import ADAPTERS, MAIN_TOOLS, installed_tools

with warnings.catch_warnings():
    # thop and fvcore import parts of Python and torch that are about to retire; their users cannot change that.
    warnings.simplefilter("ignore")
    for name in MAIN_TOOLS:
        with suppress(Exception):  # in an environment of its own, a version may be unable to; its cells will say so
            importlib.import_module(ADAPTERS[name].module)

for name in installed_tools():  # which looks every version up: a model may change what can be looked up
    find_rulebook(name)  # jobs find it read

warm_up()
gc.freeze()  # what is here stays: looking through it for garbage would copy its memory into every job

__all__ = ["reconcile"]
