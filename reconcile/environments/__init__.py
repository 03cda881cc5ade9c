"""Environments: folders of packages that are laid over those installed here, for tools that cannot share one."""

from reconcile.environments.folder import (
    Environment,
    environment,
    environments,
    environments_folder,
    find_environment,
    is_version,
    normal_version,
)
from reconcile.environments.make import make_environment

__all__ = [
    "Environment",
    "environment",
    "environments",
    "environments_folder",
    "find_environment",
    "is_version",
    "make_environment",
    "normal_version",
]
