"""Emulated AWS on a port of 127.0.0.1, seeded with the guide's account."""

from typing import Final

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox import seed
from sandbox.aws import emulator, patches
from sandbox.aws.outbound_federation import OutboundFederation
from sandbox.aws.propagation import TrustPropagation
from sandbox.aws.query_protocol import AwsError, failure
from sandbox.faults import FaultMiddleware, Faults
from sandbox.http_server import HttpServer
from sandbox.issuers import Issuers

UNAVAILABLE: Final = AwsError(503, "ServiceUnavailable", "Service is unable to handle request.")
BUCKET_CONFIGURATION: Final = (
    f"<CreateBucketConfiguration><LocationConstraint>{seed.REGION}</LocationConstraint></CreateBucketConfiguration>"
)


class AwsServer:
    """Serves from `start` to `stop`. There is one emulated AWS in a process, so never start two at a time.

    `faults` may be set at any time. The operator is root of the seeded account: access key id seed.ACCOUNT_ID, secret
    seed.OPERATOR_SECRET_ACCESS_KEY. Root of any other account A has the access key id A and the same secret.
    """

    def __init__(self, issuers: Issuers, port: int = 0) -> None:
        self.faults = Faults()
        self._server = HttpServer(port)
        self._propagation = TrustPropagation(lambda: self.faults.propagation_seconds)
        self._outbound = OutboundFederation(issuers)
        self._issuers = issuers

    @property
    def url(self) -> str:
        """Where every AWS API answers, as AWS_ENDPOINT_URL wants it; without a slash at the end."""
        return self._server.url

    def start(self) -> None:
        """Serve the seeded world; returns when it answers."""
        status, headers, body = failure("sts", UNAVAILABLE)
        unavailable = Response(body, status, headers)
        self._server.start(FaultMiddleware(_serve, lambda: self.faults, unavailable))
        self.reset()

    def stop(self) -> None:
        """End the server and free the port."""
        self._server.stop()

    def reset(self) -> None:
        """Back to the seeded world, without faults: every role, session, bucket and object is gone but the seed's."""
        self.faults = Faults()
        patches.install(self._issuers, self._propagation, self._outbound)
        emulator.reset_state()
        self._outbound.reset()
        self._propagation.reset()
        for bucket in seed.BUCKETS:
            self._create_bucket(bucket)

    def expire_sessions(self) -> None:
        """End every temporary session now, as if its time had run out."""
        for session in emulator.sessions.values():
            session["Expiration"] = 0.0

    def _create_bucket(self, name: str) -> None:
        request = AWSRequest("PUT", f"{self.url}/{name}", data=BUCKET_CONFIGURATION.encode())
        operator = Credentials(seed.ACCOUNT_ID, seed.OPERATOR_SECRET_ACCESS_KEY)
        S3SigV4Auth(operator, "s3", seed.REGION).add_auth(request)
        response = URLLib3Session().send(request.prepare())
        if response.status_code != 200:
            raise RuntimeError(f"the bucket {name} was not created: {response.text}")


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    """MiniStack, without its own administration (`/_ministack/…`), which asks nobody who they are."""
    if scope["type"] != "http" or scope["path"].startswith("/_"):
        await Response(status_code=404)(scope, receive, send)
    else:
        await emulator.app(scope, receive, send)
