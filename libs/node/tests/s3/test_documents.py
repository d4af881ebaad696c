"""S3's XML, as many servers write it."""

from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s4_node.s3 import documents
from s4_node.s3.bodies import FileTooShort, Payload
from s4_node.s3.values import FileSlice

NAMESPACE = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
CONTENTS = (
    "<Contents><Key>{key}</Key><Size>7</Size><ETag>{etag}</ETag><LastModified>{modified}</LastModified></Contents>"
)
PRINTED = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="￾￿"))


def page(*contents: str, more: str = "", namespace: str = NAMESPACE) -> bytes:
    return f"<?xml version='1.0'?><ListBucketResult{namespace}>{more}{''.join(contents)}</ListBucketResult>".encode()


@pytest.mark.parametrize("namespace", [NAMESPACE, ""])
@pytest.mark.parametrize("etag", ['"abc"', "abc", "&quot;abc&quot;"])
@pytest.mark.parametrize("modified", ["2026-11-22T07:00:00.000Z", "2026-11-22T07:00:00Z", "2026-11-22T08:00:00+01:00"])
def test_a_listing_is_read_however_it_is_written(namespace: str, etag: str, modified: str) -> None:
    body = page(CONTENTS.format(key="a", etag=etag, modified=modified), namespace=namespace)
    assert list(documents.listed(documents.root_of(body))) == [
        documents.Listed("a", 7, '"abc"', datetime(2026, 11, 22, 7, tzinfo=UTC))
    ]


@given(PRINTED)
def test_a_key_that_is_not_encoded_is_read_as_it_is(key: str) -> None:
    body = page(CONTENTS.format(key=escape(key), etag="e", modified="2026-11-22T07:00:00Z"))
    [found] = documents.listed(documents.root_of(body))
    assert found.key == key


@pytest.mark.parametrize(("encoded", "key"), [("a+b%2Bc%25", "a b+c%"), ("a%20b", "a b"), ("%C3%BC/%01", "ü/\x01")])
def test_a_key_that_is_encoded_is_decoded(encoded: str, key: str) -> None:
    contents = CONTENTS.format(key=encoded, etag="e", modified="2026-11-22T07:00:00Z")
    [found] = documents.listed(documents.root_of(page(contents, more="<EncodingType>url</EncodingType>")))
    assert found.key == key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<a>",
        b"<!DOCTYPE a><a/>",
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<a/>".encode("utf-16"),
        b"<a>\xff</a>",
    ],
)
def test_what_is_no_xml_of_s3s_is_refused(body: bytes) -> None:
    with pytest.raises(documents.NotS3):
        documents.root_of(body)
    assert not documents.error_code(body)


@pytest.mark.parametrize("modified", ["yesterday", ""])
def test_a_listing_with_a_time_that_is_none_is_refused(modified: str) -> None:
    body = page(CONTENTS.format(key="a", etag="e", modified=modified))
    with pytest.raises(documents.NotS3):
        list(documents.listed(documents.root_of(body)))


@pytest.mark.parametrize("size", ["many", "", "7.5"])
def test_a_listing_with_a_size_that_is_none_is_refused(size: str) -> None:
    contents = CONTENTS.format(key="a", etag="e", modified="2026-11-22T07:00:00Z").replace(">7<", f">{size}<")
    with pytest.raises(documents.NotS3):
        list(documents.listed(documents.root_of(page(contents))))


@given(st.lists(PRINTED, max_size=5))
def test_keys_to_delete_are_written_so_that_they_can_be_read(keys: list[str]) -> None:
    root = documents.root_of(documents.deletion(keys))
    assert [key.text or "" for key in root.iterfind("Object/Key")] == keys


@pytest.mark.parametrize(("key", "writable"), [("a\x01", False), ("a\rb", False), ("a\nb", True), ("日本&<", True)])
def test_a_key_that_xml_cannot_hold_is_known(key: str, writable: bool) -> None:  # noqa: FBT001  it is compared
    assert documents.is_writable(key) is writable


def test_a_completion_numbers_its_parts() -> None:
    root = documents.root_of(documents.completion(['"a"', '"b"'], {2: "DUoRhQ=="}))
    parts = [tuple(part.findtext(name) for name in ("PartNumber", "ETag", "ChecksumCRC32")) for part in root]
    assert parts == [("1", '"a"', None), ("2", '"b"', "DUoRhQ==")]


def test_uploads_go_on_where_the_page_ended() -> None:
    body = b"""<R><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>a+b</NextKeyMarker>
      <NextUploadIdMarker>up</NextUploadIdMarker></R>"""
    root = documents.root_of(body)
    assert documents.is_truncated(root)
    assert documents.uploads_marker(root) == ("a b", "up")


@given(content=st.binary(max_size=200_000), offset=st.integers(0, 100), beyond=st.integers(0, 100))
def test_a_slice_has_the_sums_of_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, offset: int, beyond: int
) -> None:
    path = tmp_path_factory.mktemp("spool") / "file"
    path.write_bytes(bytes(offset) + content + bytes(beyond))
    of_file, of_memory = Payload(FileSlice(path, offset, len(content))), Payload(content)
    assert (of_file.crc32(), of_file.md5(), of_file.sha256()) == (
        of_memory.crc32(),
        of_memory.md5(),
        of_memory.sha256(),
    )
    assert b"".join(bytes(piece) for piece in of_file.pieces()) == content


def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(10))
    payload = Payload(FileSlice(tmp_path / "file", 0, 10))
    (tmp_path / "file").write_bytes(bytes(4))
    with pytest.raises(FileTooShort):
        payload.crc32()
