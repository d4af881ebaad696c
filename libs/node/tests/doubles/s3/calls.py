"""A request as S3 sees it: which operation, on which bucket and key."""

from dataclasses import dataclass
from urllib.parse import unquote

from aiohttp import web
from multidict import CIMultiDictProxy

SUBRESOURCES = {
    "location": "Location",
    "versioning": "Versioning",
    "lifecycle": "LifecycleConfiguration",
    "policyStatus": "PolicyStatus",
    "encryption": "Encryption",
    "tagging": "Tagging",
    "object-lock": "ObjectLockConfiguration",
}
VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}


@dataclass(frozen=True)
class Call:
    """One request, before anybody looked at its body or its signature."""

    method: str
    path: str  # as sent
    raw_query: str
    headers: CIMultiDictProxy[str]
    bucket: str
    key: str
    query: dict[str, str]
    operation: str
    request: web.BaseRequest

    @property
    def length(self) -> int:
        return int(self.headers.get("Content-Length", "0"))


def _bucket_operation(method: str, query: dict[str, str]) -> str:
    if method == "POST":
        return "DeleteObjects" if "delete" in query else "Unknown"
    if method == "GET" and "uploads" in query:
        return "ListMultipartUploads"
    for name, noun in SUBRESOURCES.items():
        if name in query and method in VERBS:
            return f"{VERBS[method]}Bucket{noun}"
    if method == "GET":
        return "ListObjectsV2" if query.get("list-type") == "2" else "ListObjects"
    return {"PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}.get(method, "Unknown")


def _object_operation(method: str, query: dict[str, str], *, copied: bool) -> str:
    if "uploadId" in query:
        uploads = {
            "PUT": "UploadPart",
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
            "GET": "ListParts",
        }
        return uploads.get(method, "Unknown")
    if method == "POST":
        return "CreateMultipartUpload" if "uploads" in query else "Unknown"
    if method == "PUT" and copied:
        return "CopyObject"
    return {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(
        method, "Unknown"
    )


def _virtual(host: str, domains: tuple[str, ...]) -> str:
    name = host.rpartition(":")[0] if ":" in host else host
    for domain in domains:
        if name.endswith("." + domain):
            return name[: -len(domain) - 1]
    return ""


def parse(request: web.BaseRequest, domains: tuple[str, ...]) -> Call:
    """Read a request's first lines; path style and virtual hosted style alike."""
    path, _, raw_query = request.raw_path.partition("?")
    query = {}
    for pair in raw_query.split("&") if raw_query else ():
        name, _, value = pair.partition("=")
        query[unquote(name)] = unquote(value.replace("+", " "))
    bucket, key = _virtual(request.headers.get("Host", ""), domains), unquote(path[1:])
    if not bucket:
        bucket, _, key = key.partition("/")
    if not bucket:
        operation = "ListBuckets" if request.method == "GET" else "Unknown"
    elif key:
        operation = _object_operation(request.method, query, copied="x-amz-copy-source" in request.headers)
    else:
        operation = _bucket_operation(request.method, query)
    return Call(request.method, path, raw_query, request.headers, bucket, key, query, operation, request)
