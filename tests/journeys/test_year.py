"""A year of a customer's life, through the front doors: the site's pages, Stripe's pages, the letters.

All four services run in this process on one clock, which is moved; RabbitMQ, PostgreSQL, SMTP and HTTP are real, and
Stripe is its double. No machine boots: the provisioner's steps are scripted, all but the one that makes the furl.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s4_shop.demo.customer import Customer
from support.infra import TestDatabases
from support.mail_sink import mail_sink
from support.year.owner import Owner
from support.year.services import Street


@pytest.fixture
async def street(postgres: TestDatabases, amqp_url: str, tmp_path: Path) -> AsyncIterator[Street]:
    with mail_sink(tmp_path) as sink:
        street = Street.planned(postgres.create_database, amqp_url, sink)
        async with street.open():
            yield street
    for url in street.databases.values():
        postgres.drop_database(url)


@pytest.fixture
async def ada(street: Street) -> AsyncIterator[Owner]:
    async with Customer(street.origin) as browser:
        yield Owner(street, browser)


async def test_a_year_of_a_customers_life(ada: Owner) -> None:
    # The first month: bought, and the furl taken from the letter.
    await ada.buys("personal")
    await ada.letter("Receipt: $25")
    furl = await ada.claims("Your storage grid is ready")
    await ada.signs_in()
    await ada.sees("Active")
    await ada.waits(7.1)
    await ada.letter("The first day")
    await ada.letter("After a week")

    for _month in (2, 3, 4):
        await ada.waits_for_renewal()
        await ada.letter("Receipt: $25")

    # The fifth month: the account is empty on the day, and full again three days later.
    ada.bank("insufficient_funds")
    await ada.waits_for_renewal()
    await ada.letter("Your payment of $25 did not go through")
    ada.bank("ok")
    await ada.waits(3.2)
    await ada.letter("Receipt: $25")

    for _month in (6, 7):
        await ada.waits_for_renewal()
        await ada.letter("Receipt: $25")

    # The eighth month: the card is lost. The grid stops after two weeks, and goes on with another card.
    ada.bank("lost_card")
    await ada.waits_for_renewal()
    for days in (3.1, 5.1):
        await ada.letter("Your payment of $25 did not go through")
        await ada.waits(days)
    await ada.letter("Your payment of $25 did not go through")
    await ada.waits(6)
    await ada.letter("stopped")
    await ada.signs_in()
    await ada.gives_another_card()
    await ada.presses("pay")
    await ada.letter("Receipt: $25")
    await ada.letter("Your storage grid is running again")
    await ada.sees("Active")
    await ada.presses("letter")
    assert await ada.claims("A new link") == furl

    # The ninth month: more room. What is shown is what is charged.
    await ada.waits_for_renewal()
    await ada.letter("Receipt: $25")
    await ada.waits(10)
    await ada.signs_in()
    shown = await ada.chooses("studio")
    await ada.presses("plan-change")
    await ada.letter("Your plan is now Studio")
    assert shown in await ada.text("invoices")
    assert await ada.text("next-amount") == "$79"

    for _month in (10, 11, 12):
        await ada.waits_for_renewal()
        await ada.letter("Receipt: $79")

    # The last month: cancelled to its end, ended, kept for thirty days, deleted.
    await ada.signs_in()
    await ada.leaves("period_end")
    await ada.letter("Your subscription ends on")
    await ada.sees("Ends soon")
    await ada.waits_for_renewal()
    await ada.letter("Your subscription has ended")
    await ada.waits(29)
    await ada.signs_in()
    await ada.sees("Ended")
    await ada.waits(2)
    await ada.letter("Your storage grid is deleted")
    assert await ada.unread() == []
