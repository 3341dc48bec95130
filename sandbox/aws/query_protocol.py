"""AWS's query protocol: form parameters in, XML out, as IAM and STS speak it.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
It deliberately reads a request in one way only. MiniStack authorizes what stands in the query string and acts on what
stands in the body; a request that says two things, or says them in another protocol, is refused.
"""

import itertools
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qs
from xml.etree import ElementTree as ET

Api = Literal["iam", "sts"]
Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body: how MiniStack's handlers answer."""

FORM = "application/x-www-form-urlencoded"
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""https://www.w3.org/TR/xml/#charsets"""
XML_NAMESPACES: dict[Api, str] = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


class AwsError(Exception):
    """A refusal, as AWS words it: HTTP status, error code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Call:
    """One request to an operation: its parameters, each given once, and its headers, named in lower case."""

    parameters: Mapping[str, str]
    headers: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """A parameter, or None when it is absent or empty."""
        return self.parameters.get(name) or None

    def members(self, name: str) -> list[str]:
        """A list parameter: `Name.member.1`, `Name.member.2`, …"""
        return list(self._members(name, ""))

    def tags(self) -> list[dict[str, str]]:
        """The `Tags` parameter."""
        keys = self._members("Tags", ".Key")
        return [
            {"Key": key, "Value": self.parameters.get(f"Tags.member.{number}.Value", "")}
            for number, key in enumerate(keys, start=1)
        ]

    def _members(self, name: str, suffix: str) -> Iterator[str]:
        for number in itertools.count(1):
            value = self.get(f"{name}.member.{number}{suffix}")
            if value is None:
                return
            yield value


def read_call(headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]) -> Call:
    """The request's parameters, from its query string or from its form body.

    Raises:
        AwsError: they stand in both, one is given twice, the body is no form, or a header names an operation.

    """
    if "x-amz-target" in headers:
        raise AwsError(400, "MalformedInput", "An operation is named by the parameter Action, not by a header.")
    if body and not headers.get("content-type", "").startswith(FORM):
        raise AwsError(400, "MalformedInput", f"The body of a request must be of the type {FORM}.")
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    if form and query:
        raise AwsError(400, "MalformedQueryString", "Parameters must not be in the query string and in the body.")
    values = form or query
    if any(len(value) != 1 for value in values.values()):
        raise AwsError(400, "MalformedQueryString", "A parameter must not be given twice.")
    return Call({name: value[0] for name, value in values.items()}, headers)


def success(api: Api, action: str, result: Mapping[str, Any] | None) -> Answer:
    """The response of an operation; `result` is None for those that answer with no content."""
    response = ET.Element(f"{action}Response", xmlns=XML_NAMESPACES[api])
    if result is not None:
        _append(response, f"{action}Result", result)
    _append(response, "ResponseMetadata", {"RequestId": str(uuid.uuid4())})
    return 200, {"Content-Type": "text/xml"}, ET.tostring(response)


def failure(api: Api, error: AwsError) -> Answer:
    """The response of a refused request."""
    fault = "Sender" if error.status < 500 else "Receiver"
    response = ET.Element("ErrorResponse", xmlns=XML_NAMESPACES[api])
    _append(response, "Error", {"Type": fault, "Code": error.code, "Message": error.message})
    _append(response, "RequestId", str(uuid.uuid4()))
    return error.status, {"Content-Type": "text/xml"}, ET.tostring(response)


def _append(parent: ET.Element, name: str, value: Any) -> None:
    element = ET.SubElement(parent, name)
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _append(element, key, inner)
    elif isinstance(value, list):
        for inner in value:
            _append(element, "member", inner)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        element.text = NOT_IN_XML.sub("\ufffd", text)
