"""Jobs in processes of their own, with limits on time, memory and processes."""

from reconcile.isolation.ending import Ending, Job, Limits, Outcome
from reconcile.isolation.workers import Workers

__all__ = ["Ending", "Job", "Limits", "Outcome", "Workers"]
