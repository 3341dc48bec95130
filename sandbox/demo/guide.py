"""The guide's steps: each looks at what `pulumi up` made, and returns one line of evidence."""

import time
from datetime import UTC, datetime
from typing import Any

import jwt
from botocore.exceptions import ClientError

from federation.google import WORKLOAD_IDENTITY_USER, cluster_path
from sandbox import seed
from sandbox.demo.tour import NotAsExpected, Tour, expect

CLUSTER = "/v1/" + cluster_path(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)

OPERATION_SECONDS = 30.0
POLL_SECONDS = 0.1

GUIDE_MEMBER = (
    "principal://iam.googleapis.com/projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool"
    "/subject/arn:aws:iam::211125558983:role/GCPWorkloadIAMRole"
)


def workload_pool_before(tour: Tour) -> str:
    """Step 1, looking: the cluster as the guide finds it."""
    expect(None, _workload_pool(tour))
    return "was off"


def workload_pool_after(tour: Tour) -> str:
    """Step 1, done."""
    expect(tour.outputs["gke_workload_pool"], _workload_pool(tour))
    return f"is {tour.outputs['gke_workload_pool']}"


def node_pool_metadata(tour: Tour) -> str:
    """What the guide leaves out, and the engine warned of: without it, pods get the node's tokens, not their own."""
    (pool,) = tour.google("GET", CLUSTER).json()["nodePools"]
    path = f"{CLUSTER}/nodePools/{pool['name']}"
    update = {"workloadMetadataConfig": {"mode": "GKE_METADATA"}}
    operation = tour.google("PUT", path, update).json()["name"]
    operation_path = f"{CLUSTER.partition('/clusters/')[0]}/operations/{operation}"
    deadline = time.monotonic() + OPERATION_SECONDS
    while tour.google("GET", operation_path).json()["status"] != "DONE" and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    now = tour.google("GET", path).json()["config"]["workloadMetadataConfig"]["mode"]
    expect("GKE_METADATA", now)
    return f"{pool['name']} was {pool['config']['workloadMetadataConfig']['mode']}; the demo made it {now}"


def aws_oidc_provider(tour: Tour) -> str:
    """Step 2: the provider is listed, with the cluster's issuer and the guide's client id."""
    iam = tour.aws("iam")
    listed = [provider["Arn"] for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    expect([tour.outputs["aws_oidc_provider_arn"]], listed)
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=listed[0])
    return f"https://{provider['Url']} for {', '.join(provider['ClientIDList'])}"


def service_account(tour: Tour) -> str:
    """Step 3: the service account, who may use it, and no key."""
    path = _service_account_path(tour)
    account = _get(tour, path.removeprefix("/v1/"))
    keys = tour.google("GET", f"{path}/keys?keyTypes=USER_MANAGED")
    expect((200, []), (keys.status_code, keys.json().get("keys", [])))
    members = _members(tour)
    return f"{account['email']} ({account['uniqueId']}), bound to {members[0]}, no key"


def decoded_token(tour: Tour) -> str:
    """Step 4: the claims of the pod's Google token; the token itself is not shown."""
    claims = jwt.decode(tour.google_token(), options={"verify_signature": False})
    expect(tour.workload["gcp_service_account_unique_id"], claims["sub"])
    return ", ".join(f"{name}={claims[name]}" for name in ("iss", "aud", "azp", "sub"))


def aws_role(tour: Tour) -> str:
    """Step 5: the role, and whom it trusts on which conditions."""
    role = tour.aws("iam").get_role(RoleName=tour.workload["aws_role_arn"].rpartition("/")[2])["Role"]
    for statement in role["AssumeRolePolicyDocument"]["Statement"]:
        expect(["StringEquals"], list(statement["Condition"]))
    trusts = [
        f"{statement['Sid']} on {', '.join(sorted(statement['Condition']['StringEquals']))}"
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
    ]
    return f"{role['Arn']} trusts {'; '.join(trusts)}"


def workload_identity_pool(tour: Tour) -> str:
    """Step 6."""
    pool = _get(tour, tour.outputs["workload_identity_pool"])
    expect("ACTIVE", pool["state"])
    return f"{pool['name']} “{pool['displayName']}” {pool['state']}"


def workload_identity_provider(tour: Tour) -> str:
    """Step 7: the provider, and the one condition on which it lets anyone in."""
    provider = _get(tour, tour.outputs["workload_identity_provider"])
    expect("ACTIVE", provider["state"])
    return f"{provider['name'].rpartition('/')[2]} “{provider['displayName']}” if {provider['attributeCondition']}"


def return_binding(tour: Tour) -> str:
    """Step 8: the role may use the service account, by the guide's member to the letter."""
    if GUIDE_MEMBER not in _members(tour):
        raise NotAsExpected(GUIDE_MEMBER, _members(tour))
    return GUIDE_MEMBER


def credentials_by_google(tour: Tour) -> str:
    """Step 9, by the route of the guide: service account, Google's token, STS."""
    return _described(tour.assume_role(tour.google_token()))


def credentials_by_cluster(tour: Tour) -> str:
    """Step 9, by the cluster's own tokens."""
    return _described(tour.assume_role(tour.cluster_token(*tour.kubernetes_service_account())))


def list_buckets(tour: Tour) -> str:
    """Step 10: `aws s3 ls`."""
    names = [bucket["Name"] for bucket in _role_client(tour, "s3").list_buckets()["Buckets"]]
    expect(sorted(seed.BUCKETS), sorted(names))
    return ", ".join(names)


def list_roles(tour: Tour) -> str:
    """Step 11: `aws iam list-roles` is refused."""
    try:
        _role_client(tour, "iam").list_roles()
    except ClientError as error:
        expect("AccessDenied", error.response["Error"]["Code"])
        return str(error)
    raise NotAsExpected("AccessDenied", "the roles were listed")


def what_is_left(tour: Tour) -> str:
    """After destroy: nothing but the cluster's workload pool, and the pool that Google keeps for 30 days."""
    expect([], tour.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"])
    roles = [role["Arn"] for role in tour.aws("iam").list_roles()["Roles"]]
    if tour.workload["aws_role_arn"] in roles:
        raise NotAsExpected("no role", roles)
    expect(404, tour.google("GET", _service_account_path(tour)).status_code)
    expect("DELETED", _get(tour, tour.outputs["workload_identity_pool"])["state"])
    namespace, name = tour.kubernetes_service_account()
    found = tour.kubernetes("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
    expect(404, found.status_code)
    return f"nothing left but {workload_pool_after(tour).removeprefix('is ')} on the cluster"


STEPS = (
    ("1", "node pool", node_pool_metadata),
    ("2", "AWS OIDC provider", aws_oidc_provider),
    ("3", "service account", service_account),
    ("4", "Google token's claims", decoded_token),
    ("5", "AWS role and its trust", aws_role),
    ("6", "workload identity pool", workload_identity_pool),
    ("7", "its provider", workload_identity_provider),
    ("8", "role to service account", return_binding),
    ("9", "credentials, route google", credentials_by_google),
    ("9", "credentials, route cluster", credentials_by_cluster),
    ("10", "aws s3 ls", list_buckets),
    ("11", "aws iam list-roles", list_roles),
)


def _workload_pool(tour: Tour) -> str | None:
    pool: str | None = tour.google("GET", CLUSTER).json().get("workloadIdentityConfig", {}).get("workloadPool")
    return pool


def _get(tour: Tour, name: str) -> dict[str, Any]:
    response = tour.google("GET", f"/v1/{name}")
    expect(200, response.status_code)
    found: dict[str, Any] = response.json()
    return found


def _service_account_path(tour: Tour) -> str:
    return f"/v1/projects/{seed.PROJECT_ID}/serviceAccounts/{tour.workload['gcp_service_account_email']}"


def _members(tour: Tour) -> list[str]:
    """Who holds workloadIdentityUser on the service account: Kubernetes' members first."""
    policy = tour.google("POST", f"{_service_account_path(tour)}:getIamPolicy").json()
    members = {
        member
        for binding in policy.get("bindings", [])
        if binding["role"] == WORKLOAD_IDENTITY_USER
        for member in binding["members"]
    }
    return sorted(members, reverse=True)


def _described(response: dict[str, Any]) -> str:
    left = response["Credentials"]["Expiration"] - datetime.now(UTC)
    return f"{response['AssumedRoleUser']['Arn']} for {round(left.total_seconds() / 60)} minutes"


def _role_client(tour: Tour, service: str) -> Any:
    credentials = tour.assume_role(tour.google_token())["Credentials"]
    return tour.aws_session(
        service, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
    )
