"""The strategic-merge patch that gives the pods of a Deployment or a Job an AWS role, by either route.

Any AWS SDK in the pod then finds the role by itself: its environment names a token file, which the kubelet (route
`cluster`) or a sidecar (route `google`) keeps fresh. It deliberately holds no token and no key, and touches nothing of
the workload but its service account, one container's environment and mounts, and the pod's fsGroup.
https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from typing import Any, Literal

Route = Literal["cluster", "google"]

VOLUME = "aws-web-identity-token"
SIDECAR = "aws-web-identity-token"
TOKEN_DIRECTORY = "/var/run/secrets/aws-web-identity"
TOKEN_FILE = f"{TOKEN_DIRECTORY}/token"

NOBODY_GROUP = 65534
"""The group that may read the token file, unless the pod has its own: `nogroup` of the common images."""

PROJECTED_TOKEN_SECONDS = 3600
"""The kubelet replaces the token when 80% of this have passed.
https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken"""

SIDECAR_REFRESH_SECONDS = 120
"""Google's identity tokens last an hour. The metadata server caches access tokens until five minutes before their end;
should it do the same with these, asking every two minutes still keeps the file's token valid for three minutes more.
https://cloud.google.com/compute/docs/access/authenticate-workloads#applications"""

SIDECAR_IMAGE = (
    "docker.io/curlimages/curl:8.17.0@sha256:935d9100e9ba842cdb060de42472c7ca90cfe9a7c96e4dacb55e79e560b3ff40"
)
"""curl's own image: a shell and curl are all it takes, in a few megabytes; Google's SDK has a hundred times that."""

SIDECAR_USER = 65534
SKIP_CONTAINERS_ANNOTATION = "eks.amazonaws.com/skip-containers"
"""https://github.com/aws/amazon-eks-pod-identity-webhook"""

FETCH_TOKEN = """\
metadata="http://${GCE_METADATA_HOST:-metadata.google.internal}/computeMetadata/v1/instance"
umask 027
trap 'exit 0' INT TERM
delay=1
while :; do
  if curl --disable --silent --show-error --fail --noproxy '*' --max-time 10 \\
    --header 'Metadata-Flavor: Google' --get --data-urlencode "audience=$TOKEN_AUDIENCE" --data format=full \\
    --output "$TOKEN_FILE.new" "$metadata/service-accounts/default/identity" \\
    && [ -s "$TOKEN_FILE.new" ] && mv -f "$TOKEN_FILE.new" "$TOKEN_FILE"
  then
    delay=1
    pause=$REFRESH_SECONDS
  else
    echo "no identity token yet, trying again in $delay s" >&2
    pause=$delay
    delay=$((delay < 16 ? delay * 2 : 30))
  fi
  sleep "$pause" &
  wait $!
done
"""
"""Keeps $TOKEN_FILE a fresh identity token for $TOKEN_AUDIENCE. The reader never sees half a token (written aside, then
renamed), the token never reaches the output, and a metadata server that is not ready yet, as in a young GKE pod, is
asked again. `sleep` runs behind `wait` so that the end of the pod ends the shell at once.
https://cloud.google.com/compute/docs/metadata/querying-metadata"""


def pod_patch(
    *,
    route: Route,
    role_arn: str,
    audience: str,
    region: str,
    service_account: str,
    container: str = "app",
    fs_group: int | None = NOBODY_GROUP,
    session_name: str | None = None,
    skip_pod_identity_webhook: bool = False,
) -> dict[str, Any]:
    """The patch, as JSON has it, for a Deployment or a Job whose container named `container` uses the role.

    `service_account` is the pod's Kubernetes service account, `audience` what the role's trust expects and `region` the
    one whose STS is called. `fs_group` is the group that may read the token (containers that don't run as root need
    one; None leaves the pod's own). `session_name` names the sessions in CloudTrail. With `skip_pod_identity_webhook`
    an amazon-eks-pod-identity-webhook in the cluster is told to leave the pod's containers alone; it needs no telling
    unless the service account carries its role-arn annotation.
    https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html
    """
    pod_spec: dict[str, Any] = {
        "serviceAccountName": service_account,
        "containers": [
            {
                "name": container,
                "env": _environment(role_arn, region, session_name),
                "volumeMounts": [{"name": VOLUME, "mountPath": TOKEN_DIRECTORY, "readOnly": True}],
            }
        ],
    }
    if fs_group is not None:
        pod_spec["securityContext"] = {"fsGroup": fs_group}
    if route == "cluster":
        pod_spec["volumes"] = [_projected_token_volume(audience)]
    else:
        pod_spec["initContainers"] = [_sidecar(audience)]
        pod_spec["volumes"] = [{"name": VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}]

    template: dict[str, Any] = {"spec": pod_spec}
    if skip_pod_identity_webhook:
        skipped = [container] if route == "cluster" else [container, SIDECAR]
        template["metadata"] = {"annotations": {SKIP_CONTAINERS_ANNOTATION: ",".join(skipped)}}
    return {"spec": {"template": template}}


def _environment(role_arn: str, region: str, session_name: str | None) -> list[dict[str, str]]:
    variables = {
        "AWS_ROLE_ARN": role_arn,
        "AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN_FILE,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,  # boto3 and the AWS CLI read this one
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
    }
    if session_name is not None:
        variables["AWS_ROLE_SESSION_NAME"] = session_name
    return [{"name": name, "value": value} for name, value in variables.items()]


def _projected_token_volume(audience: str) -> dict[str, Any]:
    token = {"audience": audience, "expirationSeconds": PROJECTED_TOKEN_SECONDS, "path": "token"}
    return {"name": VOLUME, "projected": {"sources": [{"serviceAccountToken": token}]}}


def _sidecar(audience: str) -> dict[str, Any]:
    """A native sidecar (Kubernetes 1.29 and later): it starts before the application, and a Job ends without it.
    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    """
    variables = {"TOKEN_AUDIENCE": audience, "TOKEN_FILE": TOKEN_FILE, "REFRESH_SECONDS": str(SIDECAR_REFRESH_SECONDS)}
    return {
        "name": SIDECAR,
        "image": SIDECAR_IMAGE,
        "restartPolicy": "Always",
        "command": ["sh", "-c", FETCH_TOKEN],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "volumeMounts": [{"name": VOLUME, "mountPath": TOKEN_DIRECTORY}],
        # The application starts once the token is there.
        "startupProbe": {
            "exec": {"command": ["test", "-s", TOKEN_FILE]},
            "periodSeconds": 1,
            "failureThreshold": 300,
        },
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "100m", "memory": "64Mi"},
        },
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": SIDECAR_USER,
            "runAsGroup": SIDECAR_USER,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
