"""Addresses that a session has signed: moto takes any; here signature, hour and the session's policies count."""

import calendar
import time
from urllib.parse import parse_qs, urlparse, urlunparse

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.s3.exceptions import S3AccessDeniedError, S3SignatureDoesNotMatchError
from moto.sts.models import AssumedRole

from s4_devcloud.aws.sessions import session_of

_FORM = "%Y%m%dT%H%M%SZ"


def signer_of(method: str, url: str) -> AssumedRole | None:
    """The session by which the address was signed; None if none did. Raises as S3 refuses what is wrong with it."""
    parts = urlparse(url)
    said = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    if "X-Amz-Signature" not in said:
        return None
    key, _, region, service, _ = said["X-Amz-Credential"].split("/")
    session = session_of(key)
    if session is None:
        return None
    began_at = calendar.timegm(time.strptime(said["X-Amz-Date"], _FORM))
    if not began_at - 900 < time.time() < began_at + int(said["X-Amz-Expires"]):
        raise S3AccessDeniedError
    credentials = Credentials(session.access_key_id, session.secret_access_key, session.session_token)
    signer = S3SigV4QueryAuth(credentials, service, region, expires=int(said["X-Amz-Expires"]))
    rest = "&".join(each for each in parts.query.split("&") if not each.startswith("X-Amz-"))
    request = AWSRequest(method=method, url=urlunparse(parts._replace(query=rest)))
    request.context["timestamp"] = said["X-Amz-Date"]
    signer._modify_request_before_signing(request)  # noqa: SLF001  the SDK signs only as of now
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if expected != said["X-Amz-Signature"] or said.get("X-Amz-Security-Token") != session.session_token:
        raise S3SignatureDoesNotMatchError
    return session
