"""The providers as an engine meets them: over gRPC, on ports of this machine alone."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pulumi_aws
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox import seed
from sandbox.aws import AwsServer
from sandbox.google import GoogleCloud
from sandbox.kubernetes import KubernetesCluster
from sandbox.kubernetes import create_app as create_kubernetes
from sandbox.providers import ProviderServers
from tests.sandbox.world import World

ROLE = "urn:pulumi:test::test::aws:iam/role:Role::example"
ACCOUNT = "urn:pulumi:test::test::gcp:serviceaccount/account:Account::example"
SERVICE_ACCOUNT = "urn:pulumi:test::test::kubernetes:core/v1:ServiceAccount::example"
BUCKET = "urn:pulumi:test::test::aws:s3/bucket:Bucket::example"


@pytest.fixture
def servers(
    aws: AwsServer, google: GoogleCloud, cluster: KubernetesCluster, kubernetes_world: World
) -> Iterator[ProviderServers]:
    kubernetes_world.app = create_kubernetes(cluster)
    servers = ProviderServers(
        aws_url=aws.url,
        google_url=google.base_url,
        google_token=google.operator_token,
        kubernetes_url=kubernetes_world.url,
        kubernetes_token=cluster.operator_token,
    )
    yield servers
    servers.stop()


def struct(**values: Any) -> struct_pb2.Struct:
    return json_format.ParseDict(values, struct_pb2.Struct())


class Connection:
    """One provider instance of one engine."""

    def __init__(self, port: int, **config: str) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)
        self.stub.Configure(provider_pb2.ConfigureRequest(args=struct(**config)))

    def check(self, urn: str, **inputs: Any) -> Any:
        return self.stub.Check(provider_pb2.CheckRequest(urn=urn, news=struct(**inputs), randomSeed=b"seed"))


def test_every_provider_answers_with_the_installed_sdks_version(servers: ProviderServers) -> None:
    ports = servers.start()

    assert list(ports) == ["aws", "gcp", "kubernetes"]
    connection = Connection(ports["aws"], region=seed.REGION)
    plugin = json.loads((Path(pulumi_aws.__file__).parent / "pulumi-plugin.json").read_text())
    assert connection.stub.GetPluginInfo(empty_pb2.Empty()).version == plugin["version"]


def test_the_engine_may_attach_and_shake_hands(servers: ProviderServers) -> None:
    connection = Connection(servers.start()["kubernetes"])

    connection.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
    answer = connection.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))

    assert not answer.accept_secrets, "the engine keeps secrets to itself and marks the outputs of secret inputs"


def test_a_stopped_provider_frees_its_ports(servers: ProviderServers) -> None:
    ports = servers.start()

    servers.stop()

    for port in ports.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)


def test_providers_listen_on_the_loopback_alone(servers: ProviderServers) -> None:
    ports = servers.start()

    for port in ports.values():
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        with pytest.raises(OSError):  # what listens on every address answers here too
            socket.create_connection(("127.0.0.2", port), timeout=1)


def test_two_providers_of_one_kind_keep_their_own_configuration(servers: ProviderServers) -> None:
    port = servers.start()["gcp"]
    default, other = Connection(port, project="mgr-product-sbx"), Connection(port, project="another-project")

    projects = [
        connection.check(ACCOUNT, accountId="poc-gcp-to-aws-sa").inputs["project"] for connection in (default, other)
    ]

    assert projects == ["mgr-product-sbx", "another-project"]


def test_a_refusal_reaches_the_user_as_its_text_alone(servers: ProviderServers) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        Connection(servers.start()["aws"], region=seed.REGION, allowedAccountIds='["999999999999"]')

    assert refused.value.details() == f"AWS account ID not allowed: {seed.ACCOUNT_ID}"


def test_a_resource_type_that_the_sandbox_lacks_is_named_with_the_way_out(servers: ProviderServers) -> None:
    connection = Connection(servers.start()["aws"], region=seed.REGION)

    with pytest.raises(grpc.RpcError) as refused:
        connection.check(BUCKET)

    assert refused.value.details().startswith(
        "the sandbox's aws provider has no resource type 'aws:s3/bucket:Bucket'; it has: aws:iam/openIdConnectProvider"
    )
    assert "Use `--attach` without aws" in refused.value.details()


def test_a_function_that_the_sandbox_lacks_is_named(servers: ProviderServers) -> None:
    connection = Connection(servers.start()["aws"], region=seed.REGION)

    with pytest.raises(grpc.RpcError, match="no function 'aws:s3/getBucket:getBucket'"):
        connection.stub.Invoke(provider_pb2.InvokeRequest(tok="aws:s3/getBucket:getBucket"))


def test_a_refused_input_is_a_failure_of_its_property(servers: ProviderServers) -> None:
    connection = Connection(servers.start()["aws"], region=seed.REGION)

    failures = connection.check(ROLE, assumeRolePolicy="{}", maxSessionDuration=60).failures

    assert [failure.property for failure in failures] == ["maxSessionDuration"]


def test_a_resource_below_a_component_is_served_as_any(servers: ProviderServers) -> None:
    connection = Connection(servers.start()["aws"], region=seed.REGION)
    below = ROLE.replace("aws:iam", "gcpawswif:aws:WorkloadRole$aws:iam")

    assert connection.check(below, assumeRolePolicy="{}").inputs["path"] == "/"


@pytest.fixture
def nowhere() -> Iterator[dict[str, int]]:
    """Providers whose clouds do not answer."""
    url = "http://127.0.0.1:1"
    servers = ProviderServers(aws_url=url, google_url=url, google_token="t", kubernetes_url=url, kubernetes_token="t")
    yield servers.start()
    servers.stop()


@pytest.mark.parametrize(
    ("cloud", "urn", "said"),
    [
        ("gcp", ACCOUNT, "GET /v1/projects/p/serviceAccounts/a: Google did not answer: "),
        ("kubernetes", SERVICE_ACCOUNT, "serviceaccounts/a: the Kubernetes API server did not answer: "),
    ],
)
def test_a_cloud_that_does_not_answer_is_said_without_a_traceback(
    nowhere: dict[str, int], cloud: str, urn: str, said: str
) -> None:
    connection = Connection(nowhere[cloud])

    with pytest.raises(grpc.RpcError) as refused:
        connection.stub.Read(provider_pb2.ReadRequest(urn=urn, id="p/a"))

    assert said in refused.value.details()
    assert ".py" not in refused.value.details()


def test_an_aws_that_does_not_answer_is_said_without_a_traceback(nowhere: dict[str, int]) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        Connection(nowhere["aws"], maxRetries="0")

    assert "retrieving AWS account details: Could not connect to the endpoint URL" in refused.value.details()
    assert ".py" not in refused.value.details()
