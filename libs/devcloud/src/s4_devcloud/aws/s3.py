"""Which S3 action a request is: S3 speaks REST, so it follows from method, path, query and one header."""

from typing import Any
from urllib.parse import parse_qs

# The first that fits: method, whether the path names an object, what the query or the headers must have, action.
ACTIONS = (
    ("GET", False, "location", "GetBucketLocation"),
    ("GET", False, "versioning", "GetBucketVersioning"),
    ("GET", False, "lifecycle", "GetBucketLifecycleConfiguration"),
    ("GET", False, "uploads", "ListMultipartUploads"),
    ("GET", False, "versions", "ListObjectVersions"),
    ("GET", False, "list-type", "ListObjectsV2"),
    ("HEAD", False, "", "HeadBucket"),
    ("PUT", False, "lifecycle", "PutBucketLifecycleConfiguration"),
    ("PUT", False, "versioning", "PutBucketVersioning"),
    ("PUT", False, "", "CreateBucket"),
    ("POST", False, "delete", "DeleteObjects"),
    ("DELETE", False, "lifecycle", "DeleteBucketLifecycle"),
    ("DELETE", False, "", "DeleteBucket"),
    ("GET", True, "uploadId", "ListParts"),
    ("GET", True, "", "GetObject"),
    ("HEAD", True, "", "HeadObject"),
    ("PUT", True, "partNumber", "UploadPart"),
    ("PUT", True, "x-amz-copy-source", "CopyObject"),
    ("PUT", True, "", "PutObject"),
    ("POST", True, "uploads", "CreateMultipartUpload"),
    ("POST", True, "uploadId", "CompleteMultipartUpload"),
    ("DELETE", True, "uploadId", "AbortMultipartUpload"),
    ("DELETE", True, "", "DeleteObject"),
)
# A request for one of these is not the plain action of its method; of a bucket, or where it is the object's, of that.
SUBRESOURCES = {
    "acl": "Acl",
    "encryption": "Encryption",
    "ownershipControls": "OwnershipControls",
    "policy": "Policy",
    "publicAccessBlock": "PublicAccessBlock",
    "tagging": "Tagging",
}
VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}


def action_of(environ: dict[str, Any]) -> str:
    """The action of a signed request for a bucket in the path; empty for what is not S3's, or has no name here."""
    if "/s3/aws4_request" not in environ.get("HTTP_AUTHORIZATION", ""):
        return ""
    method, (bucket, _, key) = environ["REQUEST_METHOD"], environ["PATH_INFO"].lstrip("/").partition("/")
    if not bucket:
        return "ListBuckets" if method == "GET" else ""
    said = set(parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if part := next((SUBRESOURCES[each] for each in said if each in SUBRESOURCES), ""):
        return _of_part(method, part, is_object=bool(key))
    if "HTTP_X_AMZ_COPY_SOURCE" in environ:
        said.add("x-amz-copy-source")
    shape = (method, bool(key))
    fitting = (action for *like, needs, action in ACTIONS if tuple(like) == shape and (not needs or needs in said))
    return next(fitting, "")


def _of_part(method: str, part: str, *, is_object: bool) -> str:
    if method not in VERBS:
        return ""
    of = "" if part == "PublicAccessBlock" else "Object" if is_object else "Bucket"
    return f"{VERBS[method]}{of}{part}"
