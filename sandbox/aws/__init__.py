"""Emulated AWS: MiniStack with permissions on, and what it lacks of IAM and STS."""

from sandbox.aws.server import AwsServer

__all__ = ["AwsServer"]
