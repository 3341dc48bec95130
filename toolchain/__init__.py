"""Gets the Pulumi CLI: the one on PATH, else by Pulumi's own installer, else built from its Go modules.

Deliberately installs nothing outside the user's cache directory, changes no shell profile, and leaves PATH to the
caller. Building also fills Go's own module and build caches, as every build with Go does.
"""

from toolchain.find import Toolchain, ToolchainError, find_or_install_pulumi

__all__ = ["Toolchain", "ToolchainError", "find_or_install_pulumi"]
