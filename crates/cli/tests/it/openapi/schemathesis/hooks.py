"""What a schema cannot say: how a call is signed, which resources exist, and which times are in the future.

Only cases that must be accepted are adjusted. Cases that violate the schema are sent as generated.
"""

import base64
import copy
import datetime
import hashlib
import hmac
import json
import os
import random
import re
import secrets
import time
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import strategies as st

# What the test has created before: addresses, credentials, disputes, files.
FIXTURE = json.loads(os.environ["REBUTTAL_TEST_FIXTURE"])
# A seed reproduces the whole run.
CHOICE = random.Random(FIXTURE["seed"])
OPERATORS = "/operator/v1"
# One of this many calls uses resources that do not exist.
STRAYS = 8


def header(app, method, url, body, timestamp, nonce):
    """The header of a signed message (contract §2), implemented independently."""
    scheme, app_id, secret = app["scheme"], app["appId"], app["appSecret"]
    plain = scheme == "V2_SHA256"
    lines = [app_id, *([secret] if plain else []), method, url, timestamp, nonce]
    signed = b"".join(line.encode() + b"\n" for line in lines) + body + b"\n"
    digest = hashlib.sha256(signed) if plain else hmac.new(secret.encode(), signed, hashlib.sha256)
    return f"{scheme} appId={app_id},sign={digest.hexdigest()},timestamp={timestamp},nonce={nonce}"


class Credentials(requests.auth.AuthBase):
    """Adds the signature or the token last, over the bytes that are sent."""

    def __call__(self, request):
        path = urlsplit(request.url).path
        if path.startswith("/pg/"):
            body = request.body or b""
            body = body.encode() if isinstance(body, str) else body
            timestamp, nonce = str(int(time.time() * 1000)), secrets.token_hex(16)
            app = CHOICE.choice(FIXTURE["apps"])
            request.headers["Authorization"] = header(app, request.method, request.url, body, timestamp, nonce)
        elif path.startswith(OPERATORS):
            request.headers["Authorization"] = "Bearer " + FIXTURE["token"]
        return request


schemathesis.auth.set_from_requests(Credentials())

HEADER = re.compile(r"V2_(?:HMAC_)?SHA256 appId=(\w+),sign=(\w+),timestamp=(\d{13}),nonce=([\w-]{16,64})")


@schemathesis.check
def answer_is_signed(context, response, case):
    """Every response to a signed request is signed and bound to the request."""
    asked = HEADER.fullmatch(response.request.headers.get("Authorization") or "")
    app = next((app for app in FIXTURE["apps"] if asked and app["appId"] == asked[1]), None)
    if app is None:
        return
    given = (response.headers.get("authorization") or [""])[0]
    given_parts = HEADER.fullmatch(given)
    assert given_parts is not None, f"the answer is not signed: {given!r}"
    request = response.request
    expected = {}
    for label in "answer", "notice":
        bound = hashlib.sha256(f"{label}\n{asked[4]}\n{asked[2].lower()}\n".encode()).hexdigest().upper()[:32]
        expected[header(app, request.method, request.url, response.content, given_parts[3], bound)] = label
    assert given in expected, f"{given} is not one of {list(expected)}"
    done = response.status_code == 200
    assert not done or expected[given] == "answer", "a notice says OK"


def written(moment):
    return moment.isoformat(timespec="milliseconds") + "Z"


# In the future whenever this runs, and within the documented range of years.
FUTURE = st.datetimes(datetime.datetime(2100, 1, 1), datetime.datetime(2280, 1, 1)).map(written)
schemathesis.openapi.format("date-time", FUTURE)
schemathesis.openapi.format("iana-time-zone", st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Oslo"]))
schemathesis.openapi.format("cursor", st.just("none"))


@schemathesis.hook
def before_load_schema(context, schema):
    """Closes every object of a response: an undocumented member is a fault of the document."""
    of_requests = {"ContestRequest", "EvidenceItem", "AcceptRequest", "QueryRequest", "GenerateUploadUrlRequest"}
    components = schema["components"]["schemas"]
    unaltered = copy.deepcopy(components)
    for name, component in components.items():
        if name not in of_requests:
            close(component, unaltered)
    for item in schema["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    if "allOf" not in content["schema"]:
                        close(content["schema"], unaltered)


def close(schema, components):
    if not isinstance(schema, dict):
        return
    if "allOf" in schema:
        schema["allOf"] = [part_of(part, components) for part in schema["allOf"]]
        schema["unevaluatedProperties"] = False
        return
    if schema.get("properties"):
        schema.setdefault("additionalProperties", False)
    for part in schema.values():
        close(part, components)


def part_of(schema, components):
    """A part of an object, which has members that only another part describes."""
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    schema = copy.deepcopy(components.get(name, schema))
    if "allOf" in schema:
        schema["allOf"] = [part_of(part, components) for part in schema["allOf"]]
    close(schema.get("properties"), components)
    return schema


@schemathesis.hook
def before_call(context, case, kwargs):
    # The apps that sign must not be changed.
    parameters = case.path_parameters or {}
    if any(parameters.get("appId") == app["appId"] for app in FIXTURE["apps"]):
        parameters["appId"] = FIXTURE["spareAppId"]
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    strays = CHOICE.randrange(STRAYS) == 0
    if not strays:
        lead(parameters)
    if case.query and "cursor" in case.query:
        case.query["cursor"] = cursor(case.operation.path)
    if not strays and "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = fresh()
    if isinstance(case.body, dict):
        mend(case, strays)


def fresh():
    return f"{CHOICE.getrandbits(128):032x}"


def lead(parameters):
    """Replaces identifiers by existing ones."""
    if "appId" in parameters:
        parameters.update(merchantId=FIXTURE["spareMerchantId"], appId=FIXTURE["spareAppId"])
    if "evidenceId" in parameters:
        parameters.update(disputeNo=FIXTURE["contested"], evidenceId="1-1")
    elif "disputeNo" in parameters:
        parameters["disputeNo"] = CHOICE.choice(FIXTURE["disputes"])
    elif "merchantId" in parameters:
        parameters["merchantId"] = FIXTURE["spareMerchantId"]


def cursor(path):
    """A valid cursor of a list."""
    if path.endswith("/merchants"):
        return str(FIXTURE["merchantId"])
    position = "opened:4102444800000"
    if path.endswith("/tokens"):
        position = "token:operator"
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def mend(case, strays):
    """Adjusts members that depend on each other or on existing resources."""
    body, path = case.body, case.operation.path
    if body.get("deadline", "9") < "2100":
        body["deadline"] = "2100-01-01T00:00:00.000Z"
    if path == OPERATORS + "/disputes" and case.method == "POST":
        body["merchantId"] = FIXTURE["merchantId"]
        for amount in ("paymentAmount", "disputeAmount"):
            whole, _, decimals = body[amount].partition(".")
            body[amount] = str(max(int(whole), 1))
            if decimals and body.get("currency") in ("EUR", "USD"):
                body[amount] += "." + decimals[:2]
        if not strays or "Idempotency-Key" not in (case.headers or {}):
            body["disputeNo"] = fresh()
    if path.startswith("/pg/") and body.get("disputeNo") and not strays:
        body["disputeNo"] = CHOICE.choice(FIXTURE["disputes"])
    if "evidenceList" in body:
        for item, url in zip(body["evidenceList"], CHOICE.sample(FIXTURE["files"], len(body["evidenceList"]))):
            item["url"] = url
    if "filename" in body:
        body.pop("contentType", None)
