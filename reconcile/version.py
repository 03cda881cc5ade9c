"""The version of the installed package."""

from importlib import metadata

try:
    __version__ = metadata.version("reconcile-flops")
except metadata.PackageNotFoundError:  # a checkout that is on the path without being installed
    __version__ = "0+unknown"
