"""What jobs find imported where one tool is hostile: the same as ever, but for that tool."""

import reconcile.jobs.preload
from reconcile.tools import ADAPTERS
from tests.hostile.tools import HostileTool

ADAPTERS["thop"] = HostileTool()

__all__ = ["reconcile"]
