"""What must never be read in a log, and what is read in its place."""

import re

SECRETS = re.compile(
    r"""
      pb(\+tor)?://\S+                        # a furl or a NURL: the right to use a grid
    | URI:[-A-Za-z0-9:]+                      # a capability to one file
    | priv-v0-[a-z0-9]+                       # an announcement key
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*  # a tub's key, whatever follows
    | \b(?:AKIA|ASIA)[A-Z0-9]{12,}            # an AWS key's name, temporary or not
    | AWS4-HMAC-SHA256[^\r\n]*                # what signs a request to S3, with its scope and signature
    | (?i:\bauthorization["']?\s*[:=])[^\r\n]*  # of a request, to S3 or to the storage server
    | (?i:x-amz-(?:signature|credential|security-token)|aws_(?:secret_access_key|session_token|access_key_id)
        |secretaccesskey|sessiontoken|\bsignature)
      ["']?\s*[:=]\s*["']?[^\s"'&,]+          # the same by their names: in an address, a header, a file, an answer
    | (?:lease-renew-secret|lease-cancel-secret|upload-secret|write-enabler)["']?[\s:=]+["']?[^\s"',]+
    # and without a name, by their shape: 20 bytes in base32 (a swissnum), 32 bytes in base32 or base64 (a lease secret,
    # a write enabler), an AWS secret key, a session token
    | (?<![A-Za-z0-9_])(?:[a-z2-7]{32}|(?<!v0-)[a-z2-7]{52})(?![A-Za-z0-9_])
    | (?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{100,}={0,2}
        |(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[0-9])[A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])
    | [^\s'"\\]{0,40}(?:\\x[0-9a-f]{2}(?:[^'"\\]|\\[^x]){0,12}){4,}  # bytes that are no text, as Python writes them
    """,
    re.VERBOSE | re.DOTALL,
)


def redacted(text: str) -> str:
    """The text without any capability, key or secret."""
    return SECRETS.sub("[secret]", text)
