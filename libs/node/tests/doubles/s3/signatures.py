"""Signature version 4, checked (AWS, "Signature Calculations for the Authorization Header")."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from doubles.s3.calls import Call
from doubles.s3.refusals import Refusal

SKEW = timedelta(minutes=15)
FIELDS = re.compile(r"AWS4-HMAC-SHA256 +Credential=([^,]+), *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$")


@dataclass
class Credential:
    """A key that may sign. `state` is valid, expired or revoked."""

    secret_key: str
    session_token: str = ""
    state: str = "valid"


@dataclass
class Signatures:
    """Who may sign, in which region, by which clock."""

    region: str
    credentials: dict[str, Credential] = field(default_factory=dict)
    clock_offset: timedelta = timedelta()
    _keys: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def check(self, call: Call) -> str:
        """Answer the access key of a rightly signed call; raises Refusal."""
        authorization = call.headers.get("Authorization")
        if authorization is None:
            raise Refusal("AccessDenied")
        found = FIELDS.match(authorization)
        if found is None:
            raise Refusal("AuthorizationHeaderMalformed")
        access_key, _, scope = found[1].partition("/")
        names, signature = found[2].split(";"), found[3]
        credential = self._known(access_key, call)
        date, _, rest = scope.partition("/")
        if rest != f"{self.region}/s3/aws4_request":
            raise Refusal("AuthorizationHeaderMalformed", more={"Region": self.region})
        self._check_time(call, date)
        self._check_names(call, names)
        key = self._signing_key(credential.secret_key, date)
        text = "\n".join(("AWS4-HMAC-SHA256", call.headers["x-amz-date"], scope, _canonical(call, names)))
        if not hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), signature):
            raise Refusal("SignatureDoesNotMatch")
        return access_key

    def _known(self, access_key: str, call: Call) -> Credential:
        credential = self.credentials.get(access_key)
        if credential is None or credential.state == "revoked":
            raise Refusal("InvalidAccessKeyId")
        if credential.state == "expired":
            raise Refusal("ExpiredToken")
        if call.headers.get("x-amz-security-token", "") != credential.session_token:
            raise Refusal("InvalidToken")
        return credential

    def now(self) -> datetime:
        """What S3's clock says."""
        return datetime.now(UTC) + self.clock_offset

    def _check_time(self, call: Call, date: str) -> None:
        try:
            signed = datetime.strptime(call.headers.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except ValueError as bad:
            raise Refusal("AccessDenied") from bad
        if abs(self.now() - signed) > SKEW:
            raise Refusal("RequestTimeTooSkewed")
        if call.headers["x-amz-date"][:8] != date:
            raise Refusal("AuthorizationHeaderMalformed")

    def _check_names(self, call: Call, names: list[str]) -> None:
        present = {name.lower() for name in call.headers}
        needed = {"host", *(name for name in present if name.startswith("x-amz-"))}
        if not needed <= set(names) or not set(names) <= present:
            raise Refusal("AccessDenied")  # an x-amz- header that is not signed
        if "x-amz-content-sha256" not in names:
            raise Refusal("InvalidRequest")

    def _signing_key(self, secret: str, date: str) -> bytes:
        known = self._keys.get((secret, date, self.region))
        if known is None:
            known = ("AWS4" + secret).encode()
            for part in (date, self.region, "s3", "aws4_request"):
                known = hmac.digest(known, part.encode(), "sha256")
            self._keys[secret, date, self.region] = known
        return known


def _canonical(call: Call, names: list[str]) -> str:
    pairs = []
    for pair in call.raw_query.split("&") if call.raw_query else ():
        name, _, value = pair.partition("=")
        pairs.append((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")))
    lines = [call.method, quote(unquote(call.path), safe="/-_.~"), "&".join(f"{n}={v}" for n, v in sorted(pairs))]
    lines += [f"{name}:{' '.join(','.join(call.headers.getall(name)).split())}" for name in names]
    lines += ["", ";".join(names), call.headers["x-amz-content-sha256"]]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
