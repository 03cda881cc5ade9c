"""Environments: folders of packages that are laid over those installed here, for tools that cannot share one."""

from reconcile.environments.folder import (
    Environment,
    environment,
    environments,
    environments_folder,
    find_environment,
    is_version,
    normal_name,
    normal_version,
)
from reconcile.environments.index import Offer, ask_index
from reconcile.environments.make import SHARED, make_environment, remove_environment

__all__ = [
    "SHARED",
    "Environment",
    "Offer",
    "ask_index",
    "environment",
    "environments",
    "environments_folder",
    "find_environment",
    "is_version",
    "make_environment",
    "normal_name",
    "normal_version",
    "remove_environment",
]
