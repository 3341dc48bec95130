"""Gets the Pulumi CLI: the one on PATH, else by the official installer, else built from its Go modules.

It deliberately installs nothing outside the user's cache directory and changes no shell profile.
"""

from toolchain.find import Toolchain, ToolchainError, find_or_install_pulumi

__all__ = ["Toolchain", "ToolchainError", "find_or_install_pulumi"]
