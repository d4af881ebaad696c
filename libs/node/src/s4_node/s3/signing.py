"""Signature Version 4 of one request, by botocore's signer."""

import logging

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest

from s4_node.s3.bodies import Payload
from s4_node.s3.keys import Keys

UNSIGNED = "UNSIGNED-PAYLOAD"

logging.getLogger("botocore").setLevel(logging.WARNING)  # at DEBUG it writes signatures, at INFO where keys are from


class _Signature(S3SigV4Auth):
    def __init__(self, keys: Keys, region: str, payload: str) -> None:
        super().__init__(keys, "s3", region)
        self._payload = payload

    def payload(self, request: AWSRequest) -> str:  # noqa: ARG002  botocore's signature
        return self._payload


def sign(
    url: str, headers: dict[str, str], payload: Payload, *, method: str, keys: Keys, region: str
) -> dict[str, str]:
    """The headers with those of the signature.

    The payload is signed where nothing else protects it on its way; under TLS its checksum header is signed instead.
    """
    request = AWSRequest(method=method, url=url, headers=headers)
    _Signature(keys, region, UNSIGNED if url.startswith("https:") else payload.sha256()).add_auth(request)
    return dict(request.headers.items())
