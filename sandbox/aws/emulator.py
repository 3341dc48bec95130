"""MiniStack as an in-process library: imported once with its settings, and every name of it that the sandbox uses.

MiniStack is made to be a program. It reads its settings from the environment at import and configures the root logger;
both are put back here, because the process and the environment belong to the sandbox's user. Its start-up hook is
deliberately never run: that would remove containers, listen for MQTT on every interface and run scripts from `/etc`.

It keeps its state in its modules, so there is one emulated AWS in a process.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any, Final

from starlette.types import ASGIApp

from sandbox import seed

SERVICES: Final = ("iam", "kms", "s3", "sts")
"""Nothing else is served: MiniStack's other services start containers and subprocesses."""

SETTINGS: Final = {
    "AUTH": "true",
    "SERVICES": ",".join(SERVICES),
    "LOG_LEVEL": "ERROR",
    "MINISTACK_ACCOUNT_ID": seed.ACCOUNT_ID,
    "MINISTACK_REGION": seed.REGION,
    "PERSIST_STATE": "0",
    "S3_PERSIST": "0",
    "LOCALSTACK_PERSISTENCE": "0",
}
"""Read by MiniStack at its import. Everything is kept in memory, so it writes no file."""


@contextlib.contextmanager
def _import_settings() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in SETTINGS}
    os.environ.update(SETTINGS)
    root = logging.getLogger()
    in_the_way_of_basic_config = logging.NullHandler()
    root.addHandler(in_the_way_of_basic_config)
    try:
        yield
    finally:
        root.removeHandler(in_the_way_of_basic_config)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


with _import_settings():
    import ministack.app
    from ministack.core import iam_actions as iam_actions
    from ministack.core import iam_evaluator as iam_evaluator
    from ministack.core import responses
    from ministack.services import iam as iam
    from ministack.services import kms as kms  # like s3, imported now rather than at the first request
    from ministack.services import s3 as s3
    from ministack.services import sts as sts

logging.getLogger("ministack").setLevel(logging.ERROR)

app: Final[ASGIApp] = ministack.app.app

account_id: Final[Callable[[], str]] = responses.get_account_id
"""The account of the request that is being answered."""
region: Final[Callable[[], str]] = responses.get_region
"""The region of the request that is being answered."""

# MiniStack names what follows as its own; it is written here once, so that an upgrade is checked here.
roles: Final[Any] = iam._roles  # noqa: SLF001
oidc_providers: Final[Any] = iam._oidc_providers  # noqa: SLF001
sessions: Final[dict[str, dict[str, Any]]] = sts._sessions  # noqa: SLF001
caller_identity: Final[Callable[..., Any]] = sts._caller_identity  # noqa: SLF001
session_policies: Final[Callable[..., Any]] = sts._session_policies  # noqa: SLF001
reset_state: Final[Callable[[], None]] = ministack.app._reset_all_state  # noqa: SLF001
condition_operators: Final[frozenset[str]] = frozenset(iam_evaluator._CONDITION_OPS)  # noqa: SLF001


def find_role(account: str, name: str) -> dict[str, Any] | None:
    """MiniStack's record of a role, or None."""
    role: dict[str, Any] | None = roles.get_scoped(account, None, name)
    return role


def find_oidc_provider(account: str, arn: str) -> dict[str, Any] | None:
    """MiniStack's record of an IAM OIDC provider, or None."""
    provider: dict[str, Any] | None = oidc_providers.get_scoped(account, None, arn)
    return provider


def find_policy(arn: str) -> dict[str, Any] | None:
    """MiniStack's record of a managed policy that the request's account can use, or None."""
    policy: dict[str, Any] | None = iam._lookup_policy(arn)  # noqa: SLF001
    return policy


def new_session_credentials() -> tuple[str, str, str]:
    """A new access key id, secret access key and session token."""
    return iam._gen_session_access_key(), iam._gen_secret(), iam._gen_session_token()  # noqa: SLF001
