"""SOAP `login`, for clients that know no other sign-in. Nothing else of SOAP is served.

Law: it is there for API versions 31 to 64 only, as in orgs of today (help 005132110); refusals are SOAP faults with status 500.
Shape of the reply: "login()" in the SOAP API guide.
"""

from __future__ import annotations

import html
import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from refsync_sandbox.salesforce import people
from refsync_sandbox.salesforce.oauth import OAuth, SignInRefused

OLDEST, NEWEST = 31, 64
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns="urn:partner.soap.sforce.com"><soapenv:Body>{}</soapenv:Body>'
    "</soapenv:Envelope>"
)


class Soap:
    """Answers `login`."""

    def __init__(self, oauth: OAuth) -> None:
        self._oauth = oauth

    def routes(self) -> list[Route]:
        """Return the HTTP routes; some clients add the org's id to the path."""
        path = "/services/Soap/u/{version}"
        return [Route(path, self._login, methods=["POST"]), Route(path + "/{org}", self._login, methods=["POST"])]

    async def _login(self, request: Request) -> Response:
        version = request.path_params["version"]
        number = version.removesuffix(".0")
        if not number.isdecimal() or not OLDEST <= int(number) <= NEWEST:
            return _fault("UNSUPPORTED_API_VERSION", f"Invalid Api version specified on URL: {version}")
        text = (await request.body()).decode("utf-8", "replace")
        base = str(request.base_url).rstrip("/")
        try:
            token = self._oauth.log_in(_element(text, "username"), _element(text, "password"), base)["access_token"]
        except SignInRefused:
            return _fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
        return _reply(_LOGGED_IN.format(token=token, url=f"{base}/services/Soap/u/{version}/{people.ORG_ID[:15]}"))


_LOGGED_IN = f"""<loginResponse><result><metadataServerUrl>{{url}}</metadataServerUrl><passwordExpired>false</passwordExpired>\
<sandbox>true</sandbox><serverUrl>{{url}}</serverUrl><sessionId>{{token}}</sessionId><userId>{people.INTEGRATION_ID}</userId>\
<userInfo><organizationId>{people.ORG_ID}</organizationId><organizationName>Sandbox</organizationName>\
<sessionSecondsValid>7200</sessionSecondsValid><userEmail>{people.INTEGRATION_NAME}</userEmail>\
<userFullName>Integration User</userFullName><userId>{people.INTEGRATION_ID}</userId>\
<userName>{people.INTEGRATION_NAME}</userName></userInfo></result></loginResponse>"""


def _element(text: str, name: str) -> str:
    """Return what an element holds, by its name without a prefix; empty when there is none."""
    found = re.search(rf"<(?:\w+:)?{name}(?:\s[^>]*)?>(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))</(?:\w+:)?{name}>", text, re.DOTALL)
    if found is None:
        return ""
    return found[1] if found[1] is not None else html.unescape(found[2])


def _fault(code: str, message: str) -> Response:
    detail = f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage>"
    words = f"<faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring>"
    return _reply(f"<soapenv:Fault>{words}<detail><sf:LoginFault>{detail}</sf:LoginFault></detail></soapenv:Fault>", 500)


def _reply(body: str, status: int = 200) -> Response:
    return Response(_ENVELOPE.format(body), status, media_type="text/xml")
