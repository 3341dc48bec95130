"""What Google's IAM API and gcloud print, as far as the doctor reads it: a provider, an IAM policy.

Fields that are not read here are ignored.
https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers
https://cloud.google.com/iam/docs/reference/rest/v1/Policy
"""

from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from doctor.errors import UsageError

PROVIDER_COMMAND: Final = (
    "gcloud iam workload-identity-pools providers describe PROVIDER --workload-identity-pool=POOL --location=global"
    " --format=json"
)
POLICY_COMMAND: Final = "gcloud iam service-accounts get-iam-policy EMAIL --format=json"


class _Read(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class Aws(_Read):
    """Of a provider of kind aws."""

    account_id: str


class Oidc(_Read):
    """Of a provider of kind oidc."""

    issuer_uri: str
    allowed_audiences: tuple[str, ...] = ()


class Provider(_Read):
    """A workload identity provider; exactly one of aws and oidc is there."""

    name: str = ""
    state: str = "ACTIVE"
    disabled: bool = False
    attribute_mapping: dict[str, str] = {}
    attribute_condition: str = ""
    aws: Aws | None = None
    oidc: Oidc | None = None

    @classmethod
    def from_json(cls, content: Any, where: str) -> Self:
        """The provider of decoded JSON. Raises UsageError."""
        try:
            provider = cls.model_validate(content)
        except ValidationError as error:
            raise UsageError(f"{where}: {_first(error)}; give what `{PROVIDER_COMMAND}` prints") from None
        if (provider.aws is None) == (provider.oidc is None):
            raise UsageError(f"{where} has not one of aws and oidc; give what `{PROVIDER_COMMAND}` prints")
        return provider


class Binding(_Read):
    """A role and who has it, always or on a condition."""

    role: str
    members: tuple[str, ...] = ()
    condition: dict[str, Any] | None = None


class IamPolicy(_Read):
    """Who may do what with a resource."""

    bindings: tuple[Binding, ...] = ()

    @classmethod
    def from_json(cls, content: Any, where: str) -> Self:
        """The policy of decoded JSON. Raises UsageError."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise UsageError(f"{where}: {_first(error)}; give what `{POLICY_COMMAND}` prints") from None


def _first(error: ValidationError) -> str:
    """The first thing that is wrong, without the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    return " ".join(f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}".split())
