"""Pulumi providers for the sandbox: what the real plugins do, as far as the program needs it, against emulated clouds.

They speak to the clouds over the same public APIs as anyone, and are attached to the engine by PULUMI_DEBUG_PROVIDERS.
They deliberately do not know the emulators: what a cloud refuses, it refuses itself.
"""

from sandbox.providers.servers import ProviderServers

__all__ = ["ProviderServers"]
