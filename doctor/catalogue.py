"""The catalogue of what goes wrong between Google Cloud and AWS, D1 to D28: what the clouds say, why, and the way out.

Each problem's words are the clouds' own, so that an error message alone can be named. It deliberately looks at nothing:
which problem a token, a policy or a stack has is found out by the commands.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from federation.aws import SESSION_SECONDS_MAX, TRUST_POLICY_CHARACTERS
from federation.google import SOFT_DELETE_DAYS, SUBJECT_BYTES


@dataclass(frozen=True)
class Problem:
    """One entry of the catalogue."""

    id: str
    title: str
    cause: str
    fix: str
    source: str
    """A document of the cloud concerned, or the report in which the problem was first described."""
    words: tuple[str, ...] = ()
    """Regular expressions, without regard to case, of error messages that mean this problem and no other."""

    def is_said_by(self, message: str) -> bool:
        """Whether an error message means this problem."""
        return any(re.search(word, message, re.IGNORECASE) for word in self.words)


_TROUBLESHOOTING = "https://cloud.google.com/iam/docs/troubleshooting-workload-identity-federation"
_WEB_IDENTITY = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"
_CREATE_OIDC_PROVIDER = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html"
_CONDITION_KEYS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"
_GKE_WORKLOAD_IDENTITY = "https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity"

_PROBLEMS = (
    Problem(
        "D1",
        "the trust policy does not admit the token",
        "a condition's value, key or operator differs from what the token gives: subject, audience, upper and lower"
        " case, * under StringEquals, a claim that AWS makes no key of, or another role's ARN",
        "run `python -m doctor explain TOKEN --role ARN`: it shows the condition that fails and the exact value",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
        (r"not authorized to perform:? sts:AssumeRoleWithWebIdentity",),
    ),
    Problem(
        "D2",
        "the audience stands under :aud, which for Google is azp",
        "for tokens with the claim azp, AWS fills the key :aud from azp and the key :oaud from aud",
        "move the audience to accounts.google.com:oaud; :aud takes the service account's unique id and e-mail",
        _CONDITION_KEYS,
    ),
    Problem(
        "D3",
        "azp is written in its other form",
        "Google writes azp as the unique id (metadata server) or as the e-mail (key, useEmailAzp)",
        "list both the unique id and the e-mail under accounts.google.com:aud, or drop :aud and pin :sub and :oaud",
        "https://github.com/googleapis/google-auth-library-python/issues/746",
    ),
    Problem(
        "D4",
        "the IAM OIDC provider does not list the token's audience",
        "the audience that the token was made for is not among the provider's client ids, to the letter",
        "ask for a token of a listed audience, or add it: `aws iam add-client-id-to-open-id-connect-provider"
        " --open-id-connect-provider-arn ARN --client-id AUDIENCE`",
        _CREATE_OIDC_PROVIDER,
        (r"incorrect token audience",),
    ),
    Problem(
        "D5",
        "the role's account has no IAM OIDC provider for the token's issuer",
        "it was never made, is in another account, or is for another url: a trailing slash, /zones/ for /locations/, a"
        " cluster of another name",
        "create it in the role's account: `aws iam create-open-id-connect-provider --url ISSUER --client-id-list"
        " AUDIENCE`",
        _CREATE_OIDC_PROVIDER,
        (r"no openidconnect provider found in your account",),
    ),
    Problem(
        "D6",
        "AWS can't get the issuer's keys",
        "the discovery document or the keys can't be reached or are slow, or the token's key is gone from them",
        "check ISSUER/.well-known/openid-configuration and the jwks_uri it names from the internet; if both answer and"
        " have the token's kid, retry with backoff",
        _WEB_IDENTITY,
        (r"couldn'?t retrieve verification key", r"OpenIdIdpCommunicationError"),
    ),
    Problem(
        "D7",
        "the thumbprint does not match the issuer's certificate",
        "the provider pins a certificate that the issuer has replaced",
        "make the provider without a thumbprint: AWS trusts well-known certificate authorities; for Google's issuers no"
        " thumbprint is needed",
        _CREATE_OIDC_PROVIDER,
        (r"doesn'?t match configured thumbprint", r"thumbprint.*(?:mismatch|not match|must (?:be|have).*40)"),
    ),
    Problem(
        "D8",
        "the account has an IAM OIDC provider for this url already",
        "there is one provider for a url in an account, and it is shared by everyone who trusts the issuer",
        "use the one that is there (`awsOidcProvider: {mode: lookup}` in the stack file), and add your client id to it",
        _CREATE_OIDC_PROVIDER,
        (
            r"provider with url .* already exists",
            r"EntityAlreadyExists.*(?:provider|openid)",
            r"CreateOpenIDConnectProvider.*EntityAlreadyExists",
        ),
    ),
    Problem(
        "D9",
        "AWS has not yet spread the new role",
        "a role or a trust policy takes some seconds to reach every STS endpoint",
        "wait and try again until several calls in a row succeed: `python -m doctor verify -s STACK` does",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency",
        (r"invalid principal in policy",),
    ),
    Problem(
        "D10",
        "Google has not yet spread the new service account",
        "reads of IAM are eventually consistent: what was made a moment ago can still be unknown",
        "wait until it is seen three times in a row; access changes take about two minutes, at times seven or more",
        "https://cloud.google.com/iam/docs/access-change-propagation",
        (r"service account \S+ does not exist", r"gaia id not found"),
    ),
    Problem(
        "D11",
        "the service account was made anew and has another unique id",
        "a service account of the same e-mail is another identity: trust and bindings still name the deleted one",
        "run `pulumi up`, which builds the trust from the unique id; by hand, put the new unique id into :sub and :aud,"
        " and bind members without deleted:…?uid=",
        "https://cloud.google.com/iam/docs/service-accounts-delete-undelete",
        (r"deleted:serviceAccount:\S+\?uid=\d+",),
    ),
    Problem(
        "D12",
        "the id of a pool or a provider is taken by a deleted one",
        f"a deleted pool or provider keeps its id for {SOFT_DELETE_DAYS} days",
        "undelete it (`gcloud iam workload-identity-pools undelete POOL --location=global`) and import it, or take"
        " another id",
        "https://cloud.google.com/iam/docs/manage-workload-identity-pools-providers",
        (
            r"requested entity already exists",
            r"(?:workload ?identity ?pool|workloadIdentityPools)\S*.*already exists",
        ),
    ),
    Problem(
        "D13",
        "the metadata server does not answer yet",
        "GKE's metadata server takes up to some seconds after a pod's start",
        "retry with backoff or wait in an init container; the route `cluster` needs no metadata server",
        "https://cloud.google.com/kubernetes-engine/docs/troubleshooting/authentication",
        (
            r"metadata\.google\.internal.*(?:timed? ?out|refused|unreachable|timeout)",
            r"169\.254\.169\.254.*computeMetadata.*(?:timed? ?out|refused|timeout)",
            r"metadata (?:server|service).*(?:unavailable|timed? ?out|unreachable|not (?:respond|answer))",
        ),
    ),
    Problem(
        "D14",
        "the pod was given no token",
        "no token volume and no AWS_WEB_IDENTITY_TOKEN_FILE in the pod: a webhook that did not run, a service account"
        " that is newer than the pod, a variable that was set before",
        "mount the token explicitly with the stack's `pod_patch`, and start the pod anew",
        "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html",
        (r"unable to locate credentials", r"NoCredentialProviders", r"could not load credentials from any providers"),
    ),
    Problem(
        "D15",
        "the container may not read its token",
        "the token file belongs to root, and the container runs as another user",
        "set `securityContext: {fsGroup: …}` on the pod",
        "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#serviceaccount-token-volume-projection",
        (r"(?:secrets|token)\S*['\"]?:? .*permission denied", r"permission denied.*(?:secrets|token)"),
    ),
    Problem(
        "D16",
        "the AWS region is missing or is another's",
        "outside AWS nothing sets AWS_REGION; the global STS endpoint gives tokens that opt-in regions refuse",
        "set AWS_REGION and AWS_STS_REGIONAL_ENDPOINTS=regional, as the stack's `pod_patch` does",
        "https://docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html",
        (
            r"InvalidClientTokenId",
            r"you must specify a region",
            r"missing region|region is missing|could not find region",
        ),
    ),
    Problem(
        "D17",
        "the application does not use the token",
        "its SDK is too old, or finds other credentials earlier in its chain",
        "look at who it is (`aws sts get-caller-identity` in the pod), and remove what comes first: AWS_ACCESS_KEY_ID,"
        " AWS_PROFILE, the node's role",
        "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html",
        (r"assumed-role/\S*node\S*/\S+ is not authorized",),
    ),
    Problem(
        "D18",
        "a token or a session ended, or is asked for longer than allowed",
        f"a token lives an hour; a session as long as the role's MaxSessionDuration, at most {SESSION_SECONDS_MAX} s;"
        " a role assumed by a role one hour",
        "let the SDK read the token from its file at each renewal, never export credentials; ask for no more seconds"
        " than MaxSessionDuration",
        _WEB_IDENTITY,
        (r"ExpiredToken", r"token (?:has |is )?expired", r"exceeds the MaxSessionDuration"),
    ),
    Problem(
        "D19",
        "the trust policy is too long",
        f"a trust policy has {TRUST_POLICY_CHARACTERS} characters without white space, 8192 after a quota increase",
        "give each workload a role of its own, or ask for quota L-C07B4B0D in us-east-1",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
        (r"ACLSizePerRole", r"AssumeRolePolicySizeQuota"),
    ),
    Problem(
        "D20",
        "the role was assumed, and then S3 refuses",
        "the bucket's policy, the KMS key's policy, an SCP or a permissions boundary denies what the role allows",
        "grant kms:Decrypt (and kms:GenerateDataKey to write) on the bucket's key, and look at the bucket's policy",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html",
        (
            r"not authorized to perform: kms:",
            r"(?:List|Get|Put|Head|Delete)(?:Objects?|Buckets?)\S* operation: (?:Access ?Denied|Forbidden)",
            r"not authorized to perform: s3:",
            r"\(AccessDenied\) when calling the (?:ListObjects|GetObject|PutObject|ListBuckets|DeleteObject)",
            r"\(403\) when calling the HeadObject",
        ),
    ),
    Problem(
        "D21",
        f"google.subject is longer than {SUBJECT_BYTES} bytes",
        "the default mapping takes the session's ARN, with the names of the role and of the session",
        "map google.subject to the role's ARN, as the program does, or to a shorter part of it",
        "https://cloud.google.com/iam/docs/workload-identity-federation#mapping",
        (
            rf"google\.subject exceeds the {SUBJECT_BYTES} bytes",
            r"mapped attribute google\.subject (?:exceeds|must not)",
        ),
    ),
    Problem(
        "D22",
        "the audience is not the full resource name of a provider",
        "it names the pool, or the project by its id",
        "write //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER,"
        " with the project's number",
        _TROUBLESHOOTING,
        (
            r"invalid value for \W*audience",
            r"target service indicated by the \"?audience\"? parameters? is invalid",
        ),
    ),
    Problem(
        "D23",
        "the provider's attribute condition rejects the identity",
        "the CEL condition is false for it, or needs a claim that it lacks",
        "add the role to the condition: `returnToGcp: true` on its workload; by hand, compare with the ARN that"
        " `aws sts get-caller-identity` shows",
        _TROUBLESHOOTING,
        (r"rejected by the attribute condition",),
    ),
    Problem(
        "D24",
        "the identity may not use the service account",
        "the service account's policy gives roles/iam.workloadIdentityUser to no member that this identity is",
        "bind the principal on the service account: `gcloud iam service-accounts add-iam-policy-binding EMAIL"
        " --role=roles/iam.workloadIdentityUser --member=principal://…`",
        _TROUBLESHOOTING,
        (r"iam\.serviceAccounts\.(?:getAccessToken|getOpenIdToken)",),
    ),
    Problem(
        "D25",
        "Google's library finds no AWS credentials where it looks",
        "it asks the EC2 metadata service alone; on ECS, Fargate, EKS and Lambda credentials come otherwise",
        "use a supplier that asks the AWS SDK, or the provider of kind `oidc` with a token of GetWebIdentityToken in a"
        " file",
        "https://google.aip.dev/auth/4117",
        (
            r"unable to (?:determine|retrieve) (?:the )?AWS (?:metadata|region|security credentials|role name)",
            r"unable to determine the AWS",
        ),
    ),
    Problem(
        "D26",
        "an organization policy forbids the provider",
        "constraints/iam.workloadIdentityPoolProviders or …AwsAccounts allows neither this issuer nor this account",
        "have the organization's administrator allow the issuer (for kind `aws`, the account)",
        "https://cloud.google.com/iam/docs/manage-workload-identity-pools-providers#restrict",
        (r"iam\.workloadIdentityPool(?:Providers|AwsAccounts)",),
    ),
    Problem(
        "D27",
        "more identities than meant can get in",
        "no subject is pinned: an audience is chosen by whoever asks for the token, and is no boundary",
        "pin the subject and the audience by StringEquals; in a provider's condition compare the whole value",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html",
    ),
    Problem(
        "D28",
        "what was given is no ID token",
        "an access token, a path in place of the file's content, or a key",
        "ask the identity endpoint for a token with an audience:"
        " …/service-accounts/default/identity?audience=AUDIENCE&format=full",
        _GKE_WORKLOAD_IDENTITY,
        (r"not a valid JWT", r"you sent an access token", r"unable to parse the ID token", r"unable to parse JWT"),
    ),
)

CATALOGUE: Mapping[str, Problem] = {problem.id: problem for problem in _PROBLEMS}


def recognise(message: str) -> Problem | None:
    """The problem that a cloud's error message means; None when it is none of the catalogue's."""
    text = " ".join(message.split())
    return next((problem for problem in _PROBLEMS if problem.is_said_by(text)), None)
