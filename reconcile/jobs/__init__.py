"""What runs in a process of its own, and what it returns.

The process from which jobs are forked imports this part and what lies below it. So nothing here may import a library
that starts threads, as pyarrow and pandas do: a lock that such a thread holds at a fork is held forever.
"""

PRELOAD = "reconcile.jobs.preload"
"""The module that jobs find imported."""
