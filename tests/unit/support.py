"""Pulumi's mocks, recording: what a program registers, as the engine would see it.

The mock monitor is exported by the SDK but not documented as an extension point; it is used here and nowhere else.
Mocks notice no duplicate URN, run no transform and, at preview, never run an `apply` of an unknown output: a test that
asserts inside one would pass without running. So tests build inside `build`, and assert after it on what was recorded.
"""

import itertools
import json
import logging
import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pulumi
import yaml
from google.protobuf import struct_pb2
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import Stack

PROJECT = Path(__file__).parents[2]
PROJECT_NUMBER = "960144414359"
ACCOUNT_ID = "211125558983"
OUTBOUND_ISSUER = "https://0a1b2c3d-0000-4000-8000-0123456789ab.tokens.sts.global.api.aws"
CA_CERTIFICATE = "Q0E="

CLUSTER = "gcp:container/getCluster:getCluster"
PARTITION = "aws:index/getPartition:getPartition"
CALLER_IDENTITY = "aws:index/getCallerIdentity:getCallerIdentity"
LOOKED_UP_OIDC_PROVIDER = "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider"
LOOKED_UP_FEDERATION = "aws:iam/getOutboundWebIdentityFederation:getOutboundWebIdentityFederation"
LOOKED_UP_POOL = "gcp:iam/getWorkloadIdentityPool:getWorkloadIdentityPool"

ENABLED_POOL = "pulumi-python:dynamic/gcp:EnabledWorkloadPool"
ADDED_CLIENT_IDS = "pulumi-python:dynamic/aws:AddedClientIds"
ACCOUNT = "gcp:serviceaccount/account:Account"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
POOL = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool"
POOL_PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
OIDC_PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
OUTBOUND_FEDERATION = "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ROLE_POLICY_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
KUBERNETES_SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
KUBERNETES_PROVIDER = "pulumi:providers:kubernetes"


@dataclass(frozen=True)
class Registered:
    """One resource, as it was registered."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: Mapping[str, Any]
    protect: bool
    delete_before_replace: bool
    provider: str


@dataclass
class World:
    """What the clouds answer. `partition` and the rest may be changed before the program runs."""

    partition: str = "aws"
    cluster: dict[str, Any] = field(default_factory=dict)
    """Over the defaults of a cluster whose workload pool is on."""
    pool: dict[str, Any] = field(default_factory=dict)
    """Over the defaults of an active workload identity pool that is looked up."""
    unique_ids: Callable[[], str] = field(
        default_factory=lambda: map("{:021d}".format, itertools.count(115000000000000000001)).__next__
    )
    """Google gives a number once."""
    missing: str = ""
    """A function of a provider that finds nothing."""
    known_at_preview: bool = True
    """Whether the clouds compute outputs of resources; in a preview of something new they do not."""


class NotFound(grpc.RpcError):  # type: ignore[misc]
    """As a provider's function fails."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNKNOWN

    def details(self) -> str:
        return "invocation of the function returned an error: it is not found"


class Clouds(pulumi.runtime.Mocks):
    """Computes the outputs that the program reads, in the wire's camelCase."""

    def __init__(self, world: World) -> None:
        self.world = world

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token == self.world.missing:
            raise NotFound
        return self._answers(args.args)[args.token], []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        outputs = dict(args.inputs)
        if self.world.known_at_preview:
            outputs |= self._computed(args.typ, args.inputs)
        return (f"{args.name}-id" if self.world.known_at_preview else None), outputs

    def _answers(self, asked: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        project = asked.get("project")
        pool_id = asked.get("workloadIdentityPoolId")
        arn = f"arn:{self.world.partition}:iam::{ACCOUNT_ID}"
        return {
            PARTITION: {"partition": self.world.partition, "id": self.world.partition},
            CALLER_IDENTITY: {"accountId": ACCOUNT_ID},
            LOOKED_UP_FEDERATION: {"issuerIdentifier": OUTBOUND_ISSUER},
            LOOKED_UP_OIDC_PROVIDER: {
                "arn": f"{arn}:oidc-provider/{asked.get('url', '').removeprefix('https://')}",
                "clientIdLists": ["another-stacks"],
            },
            LOOKED_UP_POOL: {
                "workloadIdentityPoolId": pool_id,
                "name": f"projects/{PROJECT_NUMBER}/locations/global/workloadIdentityPools/{pool_id}",
                "state": "ACTIVE",
                "disabled": False,
                **self.world.pool,
            },
            CLUSTER: {
                "id": f"projects/{project}/locations/{asked.get('location')}/clusters/{asked.get('name')}",
                "name": asked.get("name"),
                "endpoint": "198.51.100.7",
                "masterAuths": [{"clusterCaCertificate": CA_CERTIFICATE}],
                "workloadIdentityConfigs": [{"workloadPool": f"{project}.svc.id.goog"}],
                "enableAutopilot": False,
                "nodePools": [],
                **self.world.cluster,
            },
        }

    def _computed(self, typ: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        arn = f"arn:{self.world.partition}:iam::{ACCOUNT_ID}"
        pools = f"projects/{PROJECT_NUMBER}/locations/global/workloadIdentityPools"
        pool_id = inputs.get("workloadIdentityPoolId")
        if typ == ACCOUNT:
            email = f"{inputs['accountId']}@{inputs['project']}.iam.gserviceaccount.com"
            name = f"projects/{inputs['project']}/serviceAccounts/{email}"
            return {"email": email, "uniqueId": self.world.unique_ids(), "name": name}
        if typ == POOL:
            return {"name": f"{pools}/{pool_id}"}
        if typ == POOL_PROVIDER:
            return {"name": f"{pools}/{pool_id}/providers/{inputs['workloadIdentityPoolProviderId']}"}
        if typ == OIDC_PROVIDER:
            return {"arn": f"{arn}:oidc-provider/{inputs['url'].removeprefix('https://')}"}
        if typ == OUTBOUND_FEDERATION:
            return {"issuerIdentifier": OUTBOUND_ISSUER}
        if typ == ROLE:
            return {"arn": f"{arn}:role/{inputs['name']}"}
        return {}


class Recorder(mocks.MockMonitor):
    """Keeps every registration, with the options that `Mocks` does not show."""

    def __init__(self, clouds: Clouds) -> None:
        super().__init__(clouds)
        self.registered: list[Registered] = []
        self.outputs: dict[str, dict[str, Any]] = {}
        self.output_registrations: list[str] = []
        self.invoked: list[str] = []

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        self.invoked.append(request.tok)
        return super().Invoke(request)  # type: ignore[no-untyped-call]

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        response: resource_pb2.RegisterResourceResponse = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type == "pulumi:pulumi:Stack":  # the SDK registers one for all programs of a process
            return response
        self.registered.append(
            Registered(
                urn=response.urn,
                type=request.type,
                name=request.name,
                parent=request.parent,
                inputs=_plain(request.object),
                protect=request.protect,
                delete_before_replace=request.deleteBeforeReplace,
                provider=request.provider or dict(request.providers).get("kubernetes", ""),
            )
        )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        self.output_registrations.append(request.urn)
        self.outputs[request.urn] = _plain(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


@dataclass
class Built:
    """What a program registered, invoked, exported and said."""

    registered: list[Registered]
    outputs: Mapping[str, Mapping[str, Any]]
    """Registered outputs by URN; the exports are the stack's."""
    output_registrations: list[str]
    invoked: list[str]
    warnings: list[str]

    def all(self, type_: str) -> list[Registered]:
        """The resources of a type, in the order of their names."""
        return sorted((each for each in self.registered if each.type == type_), key=lambda each: each.name)

    def one(self, type_: str, name: str | None = None) -> Registered:
        """The only resource of a type (and name)."""
        (found,) = (each for each in self.all(type_) if name in {None, each.name})
        return found

    def document(self, type_: str, property_: str, name: str | None = None) -> dict[str, Any]:
        """A policy document of the only resource of a type (and name)."""
        decoded: dict[str, Any] = json.loads(self.one(type_, name).inputs[property_])
        return decoded

    def outputs_of(self, type_: str) -> Mapping[str, Any]:
        """The registered outputs of the only component of a type."""
        return self.outputs[self.one(type_).urn]

    @property
    def exports(self) -> Mapping[str, Any]:
        """The stack's outputs."""
        (urn,) = (urn for urn in self.outputs if "pulumi:pulumi:Stack::" in urn)
        return self.outputs[urn]


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def build(program: Callable[[], object], world: World | None = None, *, preview: bool = False) -> Built:
    """Run `program` on the mocks until every registration has landed. Raises what the program raises."""
    built, error = _run(program, world or World(), preview)
    if error:
        raise error
    return built


def build_refused(program: Callable[[], object], world: World | None = None) -> tuple[Built, Exception]:
    """What a program that fails registered all the same, and its error."""
    built, error = _run(program, world or World(), preview=False)
    assert error is not None, "the program was expected to fail"
    return built, error


def _run(program: Callable[[], object], world: World, preview: bool) -> tuple[Built, Exception | None]:
    recorder, log = Recorder(Clouds(world)), _Log()
    logger = logging.Logger("pulumi", logging.WARNING)
    logger.addHandler(log)
    pulumi.runtime.set_mocks(
        recorder.mocks, project="gcp-aws-wif", stack="test", preview=preview, monitor=recorder, logger=logger
    )

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> None:
        stack = pulumi.runtime.get_root_resource()
        assert isinstance(stack, Stack)
        stack.outputs.clear()  # the SDK keeps one for all programs of a process
        program()
        stack.register_outputs(stack.outputs)

    error = None
    try:
        run()
    except Exception as raised:
        error = raised
    return Built(
        recorder.registered, recorder.outputs, recorder.output_registrations, recorder.invoked, log.messages
    ), error


def run_stack(config: Mapping[str, Any], world: World | None = None, *, preview: bool = False) -> Built:
    """Run the program as the engine would, with the `config` of a stack file."""
    return build(partial(_program, config), world, preview=preview)


def run_refused_stack(config: Mapping[str, Any], world: World | None = None) -> tuple[Built, Exception]:
    """Run the program with a `config` that it refuses."""
    return build_refused(partial(_program, config), world)


def guide() -> dict[str, Any]:
    """The config of the guide's stack, to be changed as a test likes."""
    config: dict[str, Any] = yaml.safe_load((PROJECT / "Pulumi.sbx.yaml").read_text())["config"]
    return config


def _program(config: Mapping[str, Any]) -> None:
    pulumi.runtime.set_all_config({key: _as_engine_hands_over(value) for key, value in config.items()})
    runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")


def _as_engine_hands_over(value: Any) -> str:
    """Texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _plain(properties: struct_pb2.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = rpc.deserialize_properties(properties, keep_unknowns=True)
    return plain
