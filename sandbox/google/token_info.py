"""OAuth's tokeninfo: whose access token it is. Of anything but a person or a service account it knows no e-mail.
https://cloud.google.com/docs/authentication/token-types#access-tokens
"""

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.google.cloud import GoogleCloud
from sandbox.google.errors import TokenExchangeError

WITH_EMAIL = ("user:", "serviceAccount:")


def routes(cloud: GoogleCloud) -> list[Route]:
    """The one route. It takes no bearer token: the token that it is asked about is in the form."""

    async def token_info(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        with cloud.lock:
            principal = cloud.access_tokens.principal(form.get("access_token", [""])[0])
        if principal is None:
            raise TokenExchangeError("invalid_token", "Invalid Value")
        kind, _, email = principal.member.partition(":")
        known = {"email": email, "email_verified": "true"} if f"{kind}:" in WITH_EMAIL and "[" not in email else {}
        return JSONResponse({"scope": "https://www.googleapis.com/auth/cloud-platform", **known})

    return [Route("/tokeninfo", token_info, methods=["POST"])]
