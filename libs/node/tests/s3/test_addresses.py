"""Where a bucket answers, and over what kind of connection."""

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from s4_node.s3.addresses import address_of, query_text
from s4_node.s3.bucket import Bucket
from s4_node.s3.connections import _manager
from s4_node.s3.errors import Unavailable
from s4_node.s3.requests import Patience
from s4_node.s3.values import Addressing, Store
from support.s3_servers import free_port
from support.scripted_http import Reply, ScriptedHttp, scripted_http

FOUND = Reply(headers={"ETag": '"e"'}, body=b"found")


@pytest.mark.parametrize(
    ("bucket", "endpoint", "addressing", "region", "url"),
    [
        ("b", "", "auto", "eu-west-1", "https://b.s3.eu-west-1.amazonaws.com/k"),
        ("b", "", "path", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/b/k"),
        ("b", "", "auto", "cn-north-1", "https://b.s3.cn-north-1.amazonaws.com.cn/k"),
        ("b.dot", "", "auto", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/b.dot/k"),
        ("b.dot", "https://s3.example", "virtual", "x", "https://s3.example/b.dot/k"),
        ("b", "https://s3.example", "auto", "x", "https://s3.example/b/k"),
        ("b", "https://s3.example:8443/", "virtual", "x", "https://b.s3.example:8443/k"),
        ("b", "http://10.0.0.1:9000", "auto", "x", "http://10.0.0.1:9000/b/k"),
        ("b", "http://[::1]:9000", "path", "x", "http://[::1]:9000/b/k"),
        ("b", "https://s3.example/base/", "auto", "x", "https://s3.example/base/b/k"),
    ],
)
def test_a_bucket_is_addressed_as_its_store_says(
    bucket: str, endpoint: str, addressing: Addressing, region: str, url: str
) -> None:
    address = address_of(Store(bucket, endpoint=endpoint, addressing=addressing, region=region))
    assert address.url(address.target("k")) == url


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_a_key_is_written_with_nothing_that_http_would_read(key: str) -> None:
    target = address_of(Store("b")).target(key, query_text({"prefix": key, "list-type": "2"}))
    assert target.isascii()
    assert not set(target) & set(" +\"<>#\\^`{|}\r\n\t'()*!,;:@$")
    assert target.count("?") == 1


def test_a_query_is_in_the_order_that_is_signed() -> None:
    assert query_text({"prefix": "a b/+", "delete": "", "after": "~"}) == "after=~&delete=&prefix=a%20b%2F%2B"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "the double's")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path / "certificate.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(pem) + private)
    return path


@pytest.fixture
def sealed(certificate: Path) -> Iterator[ScriptedHttp]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with scripted_http(context) as server:
        yield server


@pytest.fixture(autouse=True)
def no_connections_of_other_tests() -> Iterator[None]:
    _manager.cache_clear()
    yield
    _manager.cache_clear()


def test_under_tls_the_payload_is_protected_by_its_sum_and_not_signed(
    monkeypatch: pytest.MonkeyPatch, sealed: ScriptedHttp, scripted_store: Store, certificate: Path
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    sealed.answers(FOUND, FOUND)
    bucket = Bucket(replace(scripted_store, endpoint=sealed.endpoint))
    bucket.put("one", b"body")
    assert bucket.get("one").body == b"found"
    headers = sealed.asked[0].headers
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "x-amz-checksum-crc32" in headers["authorization"]


def test_without_tls_the_payload_is_signed(scripted_bucket: Bucket, scripted: ScriptedHttp) -> None:
    scripted.answers(FOUND)
    scripted_bucket.put("one", b"body")
    expected = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"  # of "body"
    assert scripted.asked[0].headers["x-amz-content-sha256"] == expected


def test_a_certificate_of_nobody_is_refused_at_once(sealed: ScriptedHttp, scripted_store: Store) -> None:
    with pytest.raises(Unavailable) as raised:
        Bucket(replace(scripted_store, endpoint=sealed.endpoint)).get("one")
    assert raised.value.code == "CertificateRefused"
    assert not sealed.asked


def test_a_server_that_speaks_no_tls_is_unavailable(scripted: ScriptedHttp, scripted_store: Store) -> None:
    store = replace(scripted_store, endpoint=scripted.endpoint.replace("http:", "https:"))
    with pytest.raises(Unavailable) as raised:
        Bucket(store, patience=Patience(whole=0.5, silence=0.3)).get("one")
    assert raised.value.code in {"TlsFailed", "TimedOut", "ConnectionLost"}


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, scripted_store: Store) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("no_proxy", "")
    store = replace(scripted_store, endpoint="https://s3.invalid")
    with pytest.raises(Unavailable) as raised:
        Bucket(store, patience=Patience(whole=0.3)).get("one")
    assert raised.value.code == "ProxyFailed"
