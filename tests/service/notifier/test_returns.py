"""Letters that come back: handed in by SMTP as mail servers do it, to addresses that only we can make."""

import asyncio
import smtplib
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from s4_contracts import Event
from s4_contracts.ids import RequestId
from s4_contracts.notifier import LetterBounced, LetterComplained, LetterSent
from s4_contracts.web import EmailChanged, OptionalLettersChosen
from s4_notifier.returns.door import MAX_BYTES
from s4_runtime import new_id
from s4_shop.ports import free_port
from s4_store import Pool
from s4_store.testing import emitted
from support.mail_sink import mail_sink
from support.news import START
from support.notifier_service import READER, Notifier
from support.room import a_measurement
from support.waiting import until

DAY = timedelta(days=1)


async def welcomed(notifier: Notifier) -> dict[str, Any]:
    """The welcome, as the mail server keeps it."""
    await notifier.paid()
    await notifier.furl_issued()
    await notifier.read()
    letters = await notifier.sink.letters(READER)
    return next(letter for letter in letters if letter["subject"] == "Your storage grid is ready")


async def told(notifier: Notifier) -> list[Event]:
    """What the service has told of letters, but for those that were sent."""
    return [event for event in await emitted(notifier.pool) if not isinstance(event, LetterSent)]


async def handed_in(door: str, recipients: list[str], content: bytes = b"Subject: hello\r\n\r\nhello") -> int:
    """The last reply to it."""

    def hand_in() -> int:
        host, _, port = door.rpartition(":")
        with smtplib.SMTP(host, int(port), local_hostname="mx.example.org", timeout=10) as client:
            client.ehlo()
            client.mail("<>")
            replies = [client.rcpt(recipient)[0] for recipient in recipients]
            return replies[-1] if replies[-1] != 250 else client.data(content)[0]

    return await asyncio.to_thread(hand_in)


async def test_the_envelope_names_the_letter_and_the_letter_says_who_wrote_it(notifier: Notifier) -> None:
    async with notifier.taking_reports():
        letter = await welcomed(notifier)
    assert letter["sender"] == "S4 <hello@s4.example>"
    sender, name = letter["envelope_from"], letter["message_id"].strip("<>").partition("@")[0]
    assert sender.startswith(f"bounces+{name}.")
    assert sender.endswith("@s4.example")


async def test_without_a_place_for_reports_letters_ask_for_none(notifier: Notifier) -> None:
    letter = await welcomed(notifier)
    assert letter["envelope_from"] == "hello@s4.example"
    assert "CFBL-Address" not in letter["headers"]


async def test_a_letter_that_comes_back_is_told_once_with_its_status(notifier: Notifier) -> None:
    async with notifier.taking_reports() as door:
        letter = await welcomed(notifier)
        for _ in range(3):
            assert (await notifier.sink.report(letter["number"], door)).startswith("250")
    (bounced,) = await told(notifier)
    assert isinstance(bounced, LetterBounced)
    assert (bounced.kind, bounced.code) == ("welcome", "5.1.1")
    assert READER not in msgspec.json.encode(bounced).decode()
    assert await notifier.pool.fetchval("SELECT state FROM letters WHERE kind = 'welcome'") == "bounced"


async def test_a_mailbox_that_says_no_only_later_is_heard_of_without_anybody_asking(
    notifier: Notifier, tmp_path: Path
) -> None:
    """The whole way: out by SMTP, kept, and back by SMTP to the sender on the envelope."""
    port = free_port()
    with mail_sink(tmp_path, "--reports-to", f"127.0.0.1:{port}") as sink:
        async with notifier.taking_reports(port, smtp_port=sink.port, smtp_ca=sink.certificate):
            await notifier.paid()
            await notifier.pool.execute("UPDATE addressees SET email = 'bounces-later@example.org'")
            await notifier.furl_issued()
            await notifier.read()

            async def has_come_back() -> list[Event]:
                return await told(notifier)

            (bounced,) = await until(has_come_back, within=30, what="the bounce")
    assert (type(bounced), bounced.code) == (LetterBounced, "5.1.1")


async def test_two_replicas_that_hear_it_at_once_tell_it_once(notifier: Notifier) -> None:
    async with notifier.taking_reports() as door, notifier.taking_reports() as other:
        number = (await welcomed(notifier))["number"]
        await asyncio.gather(*(notifier.sink.report(number, place) for place in (door, other) * 3))
    assert len(await told(notifier)) == 1


async def test_an_address_that_takes_nothing_gets_only_what_matters(notifier: Notifier) -> None:
    async with notifier.taking_reports() as door:
        letter = await welcomed(notifier)
        await notifier.sink.report(letter["number"], door)
    assert await notifier.read_after(8 * DAY) == ["Your storage grid is ready"]
    await notifier.invite_requested(new_id())
    assert (await notifier.read())[1:] == ["A new link to your grid's furl"]


async def test_a_new_address_is_believed_to_take_letters(notifier: Notifier) -> None:
    async with notifier.taking_reports() as door:
        letter = await welcomed(notifier)
        await notifier.sink.report(letter["number"], door)
    changed = EmailChanged(
        occurred_at=START + timedelta(hours=1),
        account_id=notifier.account,
        request_id=RequestId(new_id()),
        email="new@example.org",
    )
    await notifier.told(changed)
    await notifier.read_after(DAY)
    # Letters that are owed at once go at once, in any order.
    assert {each["subject"][:9] for each in await notifier.sink.letters("new@example.org")} == {
        "The first",
        "Our lette",
    }


async def test_what_failed_for_its_time_or_is_under_way_says_nothing_of_the_address(notifier: Notifier) -> None:
    async with notifier.taking_reports() as door:
        number = (await welcomed(notifier))["number"]
        for kind in ("delayed", "relayed"):
            assert (await notifier.sink.report(number, door, kind, "4.4.1")).startswith("250")
        assert await told(notifier) == []
        await notifier.sink.report(number, door, "failed", "4.4.7")
    (bounced,) = await told(notifier)
    assert isinstance(bounced, LetterBounced)
    assert bounced.code == "4.4.7"
    assert await notifier.pool.fetchval("SELECT count(*) FROM undeliverable") == 0


async def test_a_complaint_is_told_once_and_stops_what_can_be_done_without(notifier: Notifier) -> None:
    async with notifier.taking_reports() as door:
        number = (await welcomed(notifier))["number"]
        for _ in range(2):
            assert (await notifier.sink.report(number, door, "complaint")).startswith("250")
    (complained,) = await told(notifier)
    assert isinstance(complained, LetterComplained)
    assert await notifier.read_after(2 * DAY) == ["Your storage grid is ready"]
    again = OptionalLettersChosen(occurred_at=START + 2 * DAY, account_id=notifier.account, wanted=True)
    await notifier.told(again)
    assert len(await notifier.read_after(6 * DAY)) > 1


async def test_who_was_refused_at_the_door_and_is_let_in_later_gets_everything_again(notifier: Notifier) -> None:
    await notifier.paid()
    await notifier.sink.refuse("550 5.1.1 nobody here", times=1, at="rcpt")
    await notifier.furl_issued()
    await notifier.read()
    assert await notifier.pool.fetchval("SELECT code FROM undeliverable") == "550"
    await notifier.told(a_measurement(START, notifier.account, notifier.life.signup, 9, quota=10, grid=notifier.grid))
    assert await notifier.read() == ["Your storage grid is 90% full"]
    assert len(await notifier.read_after(DAY)) == 2


@pytest.mark.parametrize("content", [b"Subject: I am away\r\n\r\nBack on Monday", b"\r\n", b"\x00\xff" * 400 + b"\r\n"])
async def test_what_is_no_report_is_taken_and_changes_nothing(notifier: Notifier, content: bytes) -> None:
    async with notifier.taking_reports() as door:
        letter = await welcomed(notifier)
        assert await handed_in(door, [letter["envelope_from"]], content) == 250
    assert await told(notifier) == []


async def test_nothing_is_passed_on_to_others_and_nothing_taken_for_addresses_that_are_not_ours(
    notifier: Notifier,
) -> None:
    async with notifier.taking_reports() as door:
        letter = await welcomed(notifier)
        mine = letter["envelope_from"]
        forged = mine.replace(mine.partition(".")[2][:16], "0" * 16)
        for address in ("somebody@elsewhere.example", "hello@s4.example", "postmaster", forged):
            assert await handed_in(door, [address]) == 550
        assert await handed_in(door, [mine, "somebody@elsewhere.example"]) == 452
    assert len(await notifier.sink.letters()) == 1


async def test_a_report_that_is_too_large_is_refused(notifier: Notifier) -> None:
    async with notifier.taking_reports() as door:
        letter = await welcomed(notifier)
        assert await handed_in(door, [letter["envelope_from"]], b"x\r\n" * (MAX_BYTES // 2)) == 552
        assert await handed_in(door, [letter["envelope_from"]]) == 250


async def test_more_reports_than_a_minute_has_room_for_come_later(notifier: Notifier) -> None:
    async with notifier.taking_reports(reports_a_minute=3) as door:
        mine = (await welcomed(notifier))["envelope_from"]
        assert [await handed_in(door, [mine]) for _ in range(5)] == [250, 250, 250, 451, 451]
        await notifier.clock.advance(timedelta(minutes=1))
        assert await handed_in(door, [mine]) == 250


async def test_a_report_about_a_letter_that_is_not_noted_as_sent_yet_is_asked_for_later(notifier: Notifier) -> None:
    """Killed between the server's 250 and our commit, and the letter came back faster than another replica sent it."""
    async with notifier.taking_reports() as door:
        number = (await welcomed(notifier))["number"]
        await notifier.pool.execute("UPDATE letters SET state = 'owed', due_at = $1 WHERE kind = 'welcome'", START)
        assert (await notifier.sink.report(number, door)).startswith("451")
        await notifier.read()
        assert (await notifier.sink.report(number, door)).startswith("250")
    assert len(await told(notifier)) == 1


async def test_a_report_while_the_database_is_away_is_asked_for_later(notifier: Notifier, database: str) -> None:
    async with notifier.taking_reports() as door:
        number = (await welcomed(notifier))["number"]
        pool = notifier.pool
        async with Pool.open(database) as gone:
            notifier.pool = gone
            async with notifier.taking_reports() as away:
                await gone._pool.close()
                assert (await notifier.sink.report(number, away)).startswith("451")
        notifier.pool = pool
        assert (await notifier.sink.report(number, door)).startswith("250")


async def test_too_many_at_once_are_told_to_come_later(notifier: Notifier) -> None:
    async with notifier.taking_reports() as door:
        host, _, port = door.rpartition(":")
        open_ones = [await asyncio.open_connection(host, int(port)) for _ in range(21)]
        greetings = [(await reader.readline())[:3] for reader, _ in open_ones]
        assert sorted(greetings) == [b"220"] * 20 + [b"421"]
        for _, writer in open_ones:
            writer.close()
            await writer.wait_closed()


async def test_events_that_come_again_after_a_report_owe_nothing_new(notifier: Notifier) -> None:
    async with notifier.taking_reports() as door:
        letter = await welcomed(notifier)
        await notifier.sink.report(letter["number"], door)
    await notifier.furl_issued()
    assert len(await notifier.read()) == 1
