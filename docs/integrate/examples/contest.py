#!/usr/bin/env python3
"""One whole contest: two files are uploaded, one signed call names them, and its signed answer is checked.

    contest.py DISPUTE_NO RECEIPT REFUND

RECEIPT and REFUND are files, or storageUris that an earlier run has printed. REBUTTAL_URL, REBUTTAL_APP_ID and
REBUTTAL_APP_SECRET must be set. Needs Python 3.9 and nothing else.

Exit codes: 0 contested, in a signed answer. 1 a file or setting is invalid. 2 usage. 3 refused. 4 unknown; the
command to run is printed. 5 no settled answer, nothing contested. 6 the answer cannot be verified, nothing contested.
"""

import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import sys
import time
import urllib.request
from pathlib import Path

BASE_URL, APP_ID, APP_SECRET = SETTINGS = [
    os.environ.get(name, "") for name in ("REBUTTAL_URL", "REBUTTAL_APP_ID", "REBUTTAL_APP_SECRET")
]
# After a verified answer with one of these codes, the call may still have taken effect.
UNSETTLED = {"Common.Auth.ReplayedNonce", "Common.System.Error", "Common.System.OutcomeUnknown"}
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
ANSWER_MAX_BYTES = 1 << 20
TIMEOUT_SECONDS = 30


class Refused(Exception):
    """The gateway refused in a verified answer, or the file store refused a file."""


class Unanswered(Exception):
    """There is no settled answer to the call."""


class Unproven(Unanswered):
    """The answer's signature is missing or wrong."""


def sign(url, timestamp, nonce, body):
    """Seven values, each followed by a line feed, the last one too."""
    values = [APP_ID, APP_SECRET, "POST", url, timestamp, nonce]
    return hashlib.sha256("".join(value + "\n" for value in values).encode() + body + b"\n").hexdigest()


def authorization(sign, timestamp, nonce):
    return f"V2_SHA256 appId={APP_ID},sign={sign},timestamp={timestamp},nonce={nonce}"


def proven(given, url, nonce, request_sign, body):
    """Verifies an answer and returns its label.

    "answer": the answer is the outcome of this request. "notice": the gateway sent it to a caller with this nonce and
    signature, and the request may still take effect. None: the header is invalid.
    """
    if CONTROL.search(body):
        return None  # SHA-256 can be extended without the secret; what is appended has zeros.
    timestamp = given.partition("timestamp=")[2][:13]
    for label in "answer", "notice":
        bound = hashlib.sha256(f"{label}\n{nonce}\n{request_sign}\n".encode()).hexdigest().upper()[:32]
        right = authorization(sign(url, timestamp, bound, body), timestamp, bound)
        if hmac.compare_digest(given.encode(), right.encode()):
            return label
    return None


class EveryAnswer(urllib.request.HTTPErrorProcessor):
    """Returns every answer: a signed refusal is not an exception, and redirects are not followed."""

    def http_response(self, request, response):
        return response

    https_response = http_response


def post(url, body, headers):
    try:
        request = urllib.request.Request(url, body, headers)
        with urllib.request.build_opener(EveryAnswer).open(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, answer.headers.get("Authorization", ""), answer.read(ANSWER_MAX_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(f"{url}: {error}") from error


def call(path, params):
    """Makes a signed call; returns the data of a verified OK answer, and the proof."""
    url = BASE_URL + path
    body = json.dumps(params, ensure_ascii=False).encode()  # These bytes are signed, and these are sent.
    timestamp, nonce = str(time.time_ns() // 1_000_000), secrets.token_hex(16)
    request_sign = sign(url, timestamp, nonce, body)
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Authorization": authorization(request_sign, timestamp, nonce),
    }
    _, given, answer = post(url, body, headers)
    text = answer.decode(errors="replace")
    label = proven(given, url, nonce, request_sign, answer)
    if label is None:
        raise Unproven(f"The answer cannot be verified: wrong secret, app or URL, or not the gateway. It says: {text[:500]!a}")
    envelope = json.loads(answer)
    said = f"{envelope['code']}: {envelope['errorMessage']}"
    if label == "notice":
        raise Unanswered(f"A notice, which settles nothing: {said}")
    if envelope["code"] in UNSETTLED:
        raise Unanswered(said)
    if envelope["code"] != "OK":
        raise Refused(said)
    return envelope["data"], f"{given}\n{text}"


def upload(file):
    """Uploads a file and returns its storageUri."""
    if file.startswith("s3://"):
        return file
    content = Path(file).read_bytes()
    filename = "evidence" + Path(file).suffix
    ticket, _ = call("/pg/v2/file/generateUploadUrl", {"filename": filename, "scene": "DISPUTE_EVIDENCE"})

    boundary = secrets.token_hex(16)
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    fields = "".join(f'{part}{name}"\r\n\r\n{value}\r\n' for name, value in ticket["formFields"].items())
    head = f'{fields}{part}file"; filename="{filename}"\r\n\r\n'  # The file comes last.
    form = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    status, _, answer = post(ticket["uploadUrl"], form, headers)
    if status != 204:
        raise Refused(f"{file} was not taken: {status} {answer.decode(errors='replace')[:500]!a}")
    print(f"{file} is stored at {ticket['storageUri']}")
    return ticket["storageUri"]


def contest(dispute_no, receipt, refund):
    urls = upload(receipt), upload(refund)
    evidence = [
        {"type": "RECEIPT", "name": "Receipt – reçu № 7", "url": urls[0]},
        {"type": "REFUND", "name": "Refund confirmation – 退款凭证", "url": urls[1]},
    ]
    try:
        _, proof = call("/pg/v2/dispute/contest", {"disputeNo": dispute_no, "evidenceList": evidence})
    except Unanswered as error:
        # The same contest with the same storageUris is a repetition: it is recorded once.
        again = f"python3 {sys.argv[0]} {dispute_no} {' '.join(urls)}"
        end(4, f"{error}\nWhether it counts is not known. To make sure: {again}")
    print(f"{dispute_no} is contested; the gateway has signed for it:\n{proof}")


def end(code, why):
    print(why, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        end(2, "usage: contest.py DISPUTE_NO RECEIPT REFUND")
    if not all(SETTINGS):
        end(1, "REBUTTAL_URL, REBUTTAL_APP_ID and REBUTTAL_APP_SECRET must be set")
    if not BASE_URL.startswith(("https://", "http://")):
        end(1, "REBUTTAL_URL must begin with https:// or http://")
    try:
        contest(*sys.argv[1:])
    except OSError as error:
        end(1, str(error))
    except Refused as error:
        end(3, f"Refused: {error}")
    except Unproven as error:
        end(6, str(error))
    except Unanswered as error:
        end(5, str(error))
