"""IAM API v1, workload identity pools and providers. Every write answers with an operation.
https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools
"""

from starlette.routing import Route

from sandbox.google.api import Call, Endpoint, endpoint
from sandbox.google.cloud import GoogleCloud
from sandbox.google.errors import Json, not_found
from sandbox.google.projects import IAM
from sandbox.google.workload_identity import Pool, Provider

POOLS = "/v1/projects/{project}/locations/global/workloadIdentityPools"
PROVIDERS = POOLS + "/{pool}/providers"
POOL_TYPE, PROVIDER_TYPE = "WorkloadIdentityPool", "WorkloadIdentityPoolProvider"


def routes(cloud: GoogleCloud) -> list[Route]:
    """The routes of this API."""
    answers: list[tuple[str, str, Endpoint]] = [
        ("POST", POOLS, create_pool),
        ("GET", POOLS, list_pools),
        ("POST", POOLS + "/{pool}:undelete", undelete_pool),
        ("GET", POOLS + "/{pool}:listAttestationRules", list_attestation_rules),
        ("GET", POOLS + "/{pool}", get_pool),
        ("PATCH", POOLS + "/{pool}", patch_pool),
        ("DELETE", POOLS + "/{pool}", delete_pool),
        ("GET", POOLS + "/{pool}/operations/{operation}", get_operation),
        ("POST", PROVIDERS, create_provider),
        ("GET", PROVIDERS, list_providers),
        ("POST", PROVIDERS + "/{provider}:undelete", undelete_provider),
        ("GET", PROVIDERS + "/{provider}", get_provider),
        ("PATCH", PROVIDERS + "/{provider}", patch_provider),
        ("DELETE", PROVIDERS + "/{provider}", delete_provider),
        ("GET", PROVIDERS + "/{provider}/operations/{operation}", get_operation),
    ]
    return [endpoint(cloud, IAM, method, path, answer) for method, path, answer in answers]


def create_pool(call: Call) -> Json:
    """?workloadIdentityPoolId=ID, with the pool as body."""
    _require(call, "iam.workloadIdentityPools.create")
    project = call.cloud.projects.get(call.path["project"])
    pool_id = call.query.get("workloadIdentityPoolId", "")
    return _operation(call, call.cloud.workload_identity_pools.create(project, pool_id, call.body))


def list_pools(call: Call) -> Json:
    """?showDeleted=true shows the deleted ones too."""
    _require(call, "iam.workloadIdentityPools.list")
    project = call.cloud.projects.get(call.path["project"])
    pools = _shown(call, call.cloud.workload_identity_pools.pools_of(project))
    return {"workloadIdentityPools": pools} if pools else {}


def get_pool(call: Call) -> Json:
    """The pool, for 30 days also when it is deleted."""
    return call.cloud.workload_identity_pools.to_json(_pool(call, "iam.workloadIdentityPools.get"))


def list_attestation_rules(call: Call) -> Json:
    """Clients read them after a pool's creation; the sandbox's pools have none."""
    _pool(call, "iam.workloadIdentityPools.get")
    return {}


def patch_pool(call: Call) -> Json:
    """?updateMask=displayName, with the pool as body."""
    pools = call.cloud.workload_identity_pools
    pool = _pool(call, "iam.workloadIdentityPools.update")
    pools.update(pool, call.body, call.query.get("updateMask", ""))
    return _operation(call, pool)


def delete_pool(call: Call) -> Json:
    """Deletes; undelete works for 30 days."""
    pools = call.cloud.workload_identity_pools
    pool = _pool(call, "iam.workloadIdentityPools.delete")
    pools.delete(pool)
    return _operation(call, pool)


def undelete_pool(call: Call) -> Json:
    """Brings a deleted pool back."""
    pool = _pool(call, "iam.workloadIdentityPools.undelete")
    call.cloud.workload_identity_pools.undelete(pool)
    return _operation(call, pool)


def create_provider(call: Call) -> Json:
    """?workloadIdentityPoolProviderId=ID, with the provider as body."""
    pool = _pool(call, "iam.workloadIdentityPoolProviders.create")
    provider_id = call.query.get("workloadIdentityPoolProviderId", "")
    return _operation(call, call.cloud.workload_identity_pools.create_provider(pool, provider_id, call.body))


def list_providers(call: Call) -> Json:
    """?showDeleted=true shows the deleted ones too."""
    pool = _pool(call, "iam.workloadIdentityPoolProviders.list")
    providers = _shown(call, call.cloud.workload_identity_pools.providers_of(pool))
    return {"workloadIdentityPoolProviders": providers} if providers else {}


def get_provider(call: Call) -> Json:
    """The provider, for 30 days also when it is deleted."""
    return call.cloud.workload_identity_pools.to_json(_provider(call, "iam.workloadIdentityPoolProviders.get"))


def patch_provider(call: Call) -> Json:
    """?updateMask=oidc.allowed_audiences,…, with the provider as body."""
    pools = call.cloud.workload_identity_pools
    provider = _provider(call, "iam.workloadIdentityPoolProviders.update")
    pools.update(provider, call.body, call.query.get("updateMask", ""))
    return _operation(call, provider)


def delete_provider(call: Call) -> Json:
    """Deletes; undelete works for 30 days."""
    pools = call.cloud.workload_identity_pools
    provider = _provider(call, "iam.workloadIdentityPoolProviders.delete")
    pools.delete(provider)
    return _operation(call, provider)


def undelete_provider(call: Call) -> Json:
    """Brings a deleted provider back."""
    provider = _provider(call, "iam.workloadIdentityPoolProviders.undelete")
    call.cloud.workload_identity_pools.undelete(provider)
    return _operation(call, provider)


def get_operation(call: Call) -> Json:
    """The operation of a write; its permission is the one to read what it wrote."""
    if "provider" in call.path:
        name = _provider(call, "iam.workloadIdentityPoolProviders.get").name
    else:
        name = _pool(call, "iam.workloadIdentityPools.get").name
    return call.cloud.operations.get(f"{name}/operations/{call.path['operation']}")


def _require(call: Call, permission: str) -> None:
    call.require(permission, call.cloud.projects.get(call.path["project"]).resource)


def _pool(call: Call, permission: str) -> Pool:
    _require(call, permission)
    pools = call.cloud.workload_identity_pools
    pool = pools.find(pools.pool_name(call.cloud.projects.get(call.path["project"]), call.path["pool"]))
    if pool is None:
        raise not_found()
    return pool


def _provider(call: Call, permission: str) -> Provider:
    pool = _pool(call, permission)
    provider = call.cloud.workload_identity_pools.find_provider(pool.name, call.path["provider"])
    if provider is None:
        raise not_found()
    return provider


def _shown(call: Call, resources: list[Pool] | list[Provider]) -> list[Json]:
    show_deleted = call.query.get("showDeleted") == "true"
    return [
        call.cloud.workload_identity_pools.to_json(resource)
        for resource in resources
        if show_deleted or resource.deleted_at is None
    ]


def _operation(call: Call, resource: Pool | Provider) -> Json:
    kind = POOL_TYPE if isinstance(resource, Pool) else PROVIDER_TYPE
    return call.cloud.operations.start(resource.name, kind, call.cloud.workload_identity_pools.to_json(resource))
