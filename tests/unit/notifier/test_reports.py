"""What is read in what comes back, from whom it may and however it is broken."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s4_notifier.returns.reports import UNREAD, Report, read

FAILED = b"""From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: bounces+x@s4.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="A"

This is a MIME-encapsulated message.

--A
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I am sorry to have to tell you that your message could not be delivered.

--A
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org
Arrival-Date: Sun,  1 Mar 2026 12:00:00 +0000 (UTC)

Final-Recipient: rfc822; reader@example.org
Original-Recipient: rfc822;reader@example.org
Action: failed
Status: 5.1.1
Remote-MTA: dns; inner.example.org
Diagnostic-Code: smtp; 550 5.1.1 <reader@example.org>: no such user

--A
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Message-ID: <x@s4.example>
Subject: Your storage grid is ready

--A--
"""
COMPLAINT = b"""From: <abuse@example.org>
To: bounces+x@s4.example
Subject: FW: Your storage grid is ready
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.

--B
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1

--B
Content-Type: message/rfc822
Content-Disposition: inline

From: S4 <hello@s4.example>
Subject: Your storage grid is ready

Words
--B--
"""
GONE = Report("failed", "5.1.1")


def test_a_failure_is_read_with_its_status() -> None:
    assert read(FAILED) == GONE
    assert read(FAILED.replace(b"\n", b"\r\n")) == GONE
    assert GONE.is_about_address


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Status: 5.1.1", b"Status: 5.1.1 (bad destination mailbox address)"),
        (b"Action: failed", b"action:  FAILED (for good)"),
        (b"message/delivery-status", b"message/global-delivery-status"),
        (b"report-type=delivery-status; ", b""),
        (b"Original-Recipient: rfc822;reader@example.org\n", b""),
        (b"no such user\n", b"no such user\n\n\n"),
        (b"This is a MIME-encapsulated message.", b""),
        (b"rfc822; reader@example.org", "rfc822; l\u00e9ser@example.org".encode()),
    ],
)
def test_servers_write_it_in_their_own_ways(old: bytes, new: bytes) -> None:
    assert old in FAILED
    assert read(FAILED.replace(old, new)) == GONE


def test_a_failure_in_the_end_says_nothing_of_the_address() -> None:
    late = read(FAILED.replace(b"5.1.1", b"4.4.7"))
    assert late == Report("failed", "4.4.7")
    assert not late.is_about_address


@pytest.mark.parametrize("action", [b"delayed", b"relayed", b"delivered", b"expanded"])
def test_what_is_under_way_is_no_failure(action: bytes) -> None:
    assert read(FAILED.replace(b"Action: failed", b"Action: " + action)) == Report("under-way")


def test_who_gets_it_by_one_of_several_ways_gets_it() -> None:
    other = b"\nFinal-Recipient: rfc822; other@example.org\nAction: %s\nStatus: 5.1.1\n\n--A\nContent-Description: U"
    before = b"\n--A\nContent-Description: U"
    assert read(FAILED.replace(before, other % b"failed")) == GONE
    assert read(FAILED.replace(before, other % b"relayed")) == Report("under-way")


@pytest.mark.parametrize("kind", [b"abuse", b"fraud", b"Abuse"])
def test_a_complaint_is_read(kind: bytes) -> None:
    assert read(COMPLAINT.replace(b"abuse\nUser", kind + b"\nUser")) == Report("complained")


@pytest.mark.parametrize("kind", [b"not-spam", b"other", b"", b"auth-failure"])
def test_other_feedback_is_no_complaint(kind: bytes) -> None:
    assert read(COMPLAINT.replace(b"abuse\nUser", kind + b"\nUser")) == UNREAD


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 1000,
        b"Subject: I am away until Monday\n\nBack soon\n",
        b"Content-Type: multipart/report; boundary=A\n\nno parts at all",
        FAILED.replace(b"Action: failed", b"Action: maybe"),
        FAILED.replace(b"Action: failed\n", b""),
        FAILED.replace(b"Status: 5.1.1", b"Status: 550"),
        FAILED.replace(b"Status: 5.1.1", b"Status: 2.0.0"),
        FAILED.replace(b"message/delivery-status", b"text/plain"),
        FAILED.replace(b"multipart/report", b"multipart/mixed"),
        FAILED.replace(b"Content-Type: multipart/report", b"Content-Type: =?utf-8?q?=FF?="),
        FAILED[: FAILED.index(b"Action")],
    ],
)
def test_what_is_no_report_is_not_taken_for_one(content: bytes) -> None:
    assert read(content) == UNREAD


def test_parts_within_parts_without_end_are_not_followed() -> None:
    deep = b"".join(b"Content-Type: multipart/report; boundary=%d\n\n--%d\n" % (n, n) for n in range(4000))
    assert read(deep) == UNREAD


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_broken_report_breaks_nothing(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from([FAILED, COMPLAINT])))
    for _ in range(data.draw(st.integers(1, 5))):
        where = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 40))
        content[where : where + length] = data.draw(st.binary(max_size=40)) or b"\n"
    assert read(bytes(content)).outcome in {"failed", "complained", "under-way", "unread"}


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=500))
def test_noise_is_not_read(noise: bytes) -> None:
    assert read(noise) == UNREAD
