"""A job that looks at the processes above it. It is imported there, so it imports nothing of the program's."""

from __future__ import annotations

import os
from pathlib import Path


def above() -> list[int]:
    """How many threads this process, its parent and that one's parent have."""
    found = []
    process = os.getpid()
    for _ in range(3):
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        facts = dict(line.split(":\t", 1) for line in status.splitlines())
        found.append(int(facts["Threads"]))
        process = int(facts["PPid"])
    return found
