"""What an account gives out for its owner's eyes alone: had through the front door, and kept by what it is."""

import base64
import csv
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import aiohttp
import jwt

from s4_invites.sealing import Seal
from s4_runtime import Secret, new_id
from s4_shop.demo.customer import Customer, Refused
from s4_shop.shop import Shop
from support.doors import csrf
from support.joining import tahoe_joins
from support.ledger import Ledger
from support.waiting import until

_KEYS = re.compile(r"AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN)=(\S+)")
_CONFIRM = re.compile(r"https?://\S+/email/confirm\?token=([\w.~-]+)")
_OPEN = "SELECT id, sealed FROM invites WHERE account_id = $1 AND state = 'open'"
_ENDED = "SELECT state FROM invites WHERE account_id = $1 AND state <> 'open'"


class GivenOut:
    """The account's page in the browser of who signed in lately; ``known`` is what was given out."""

    def __init__(self, shop: Shop, customer: Customer, account: str) -> None:
        self._shop, self._customer, self._account = shop, customer, account
        self._account_id = account.rpartition("/")[2]
        self._ledger = Ledger(shop)
        self.known: dict[str, str] = {}

    async def furl(self) -> None:
        """Shown on its page, and in the file for Gridsync."""
        await until(lambda: self._is_open("/connect"), within=30, what="the page about connecting")
        page = await self._customer.send("show-furl", {})
        self.known["furl of the account"] = furl = page.texts["furl"].strip()
        assert furl.startswith("pb://")
        await self._customer.open(f"{self._account}/connect")
        await self._customer.send("gridsync", {})

    @asynccontextmanager
    async def code(self, folder: Path) -> AsyncIterator[None]:
        """An invite code is open inside the block; afterwards a client has joined by it."""
        await until(lambda: self._is_open("/invites"), within=30, what="the page with codes")
        page = await self._customer.send("make", {})
        self.known["invite code"] = code = page.texts["code"].strip()
        self.known["words of the invite code"] = code.partition("-")[2]
        (row,) = await self._ledger.rows("invites", _OPEN, self._account_id)
        kept = Seal(Secret(self._shop.secrets["invites-seal-key"])).open(row["sealed"], str(row["id"]))  # type: ignore[arg-type]  # its id
        assert kept.code == code
        self.known["exchange of the invite"] = base64.b64encode(kept.half.spake).decode()
        self.known["exponent of the invite"] = json.loads(kept.half.spake)["xy_scalar"]
        yield
        async with tahoe_joins(self._shop.wiring.mailbox_url, code, folder) as client:
            await client.joined()
        assert client.furl == self.known["furl of the account"]
        ended = await until(
            lambda: self._ledger.rows("invites", _ENDED, self._account_id), within=30, what="the code is used"
        )
        assert [row["state"] for row in ended] == ["claimed"]
        await self._customer.open(f"{self._account}/invites")
        assert "code" not in self._customer.page.texts

    async def keys_and_addresses(self) -> None:
        """Keys that open the bucket, and an address at which a stored object was fetched."""
        await self._customer.open(f"{self._account}/export")
        form = {"csrf": csrf(self._customer), "after": ""}
        page = await self._customer.send("keys", {})
        found = dict(_KEYS.findall(page.texts["keys"]))
        assert len(found) == 3
        self.known |= {f"export's {name}": _longest_word(value) for name, value in found.items()}
        async with self._customer.session.post(f"{self._account}/export/list", data=form) as answer:
            objects = list(csv.DictReader(io.StringIO(await answer.text())))
        address = objects[0]["url"]
        async with aiohttp.ClientSession() as anybody, anybody.get(address) as answer:
            assert answer.status == 200
        told = parse_qs(urlsplit(address).query)
        for name in ("X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential"):
            self.known[f"{name} of an object"] = _longest_word(told[name][0])

    async def links_of_letters(self, email: str, other: str) -> None:
        """Another address was asked for, both letters' links were looked at; letters were left off with one click."""
        await self._customer.open(f"{self._account}/email")
        await self._customer.send("change-email", {"email": other})
        for side, address in (("old", email), ("new", other)):
            link = await until(partial(self._link, address), within=30, what=f"the letter to the {side} address")
            self.known[f"token of the {side} address"] = link[1]
            async with aiohttp.ClientSession() as reader, reader.get(link[0]) as answer:
                assert answer.status == 200
        claims = {"iss": "s4-notifier", "aud": "s4-web-letters", "sub": self._account_id, "jti": new_id(), "iat": 1}
        token = jwt.encode(claims, self._shop.secrets["claim-private-key"], algorithm="EdDSA")
        self.known["token for leaving off letters"] = token
        stop = urljoin(self._account, f"/letters/stop?token={token}")
        async with (
            aiohttp.ClientSession() as reader,
            reader.post(stop, data={"List-Unsubscribe": "One-Click"}) as answer,
        ):
            assert answer.status == 200

    async def _is_open(self, page: str) -> bool:
        """The page is shown; it may be that the site has yet to hear of the grid."""
        try:
            await self._customer.open(f"{self._account}{page}")
        except Refused:
            return False
        return True

    async def _link(self, address: str) -> tuple[str, str] | None:
        texts = [letter["text"] for letter in await self._ledger.letters(address)]
        found = next((match for text in texts if (match := _CONFIRM.search(text))), None)
        return (found[0], found[1]) if found else None


def _longest_word(text: str) -> str:
    """The part of it that looks the same however it is written into an address or a shell."""
    return max(re.split(r"\W", text), key=len)


async def seen_by_support(shop: Shop, email: str) -> tuple[str, dict[str, str]]:
    """The customer's page, as an operator finds it by the address; and what let the operator in."""
    desk = shop.wiring.addresses.url("support")
    async with Customer(desk) as operator:
        await operator.open(urljoin(desk, "/sign-in"))
        await operator.send(None, {"token": shop.secrets["operator-token"]})
        form = {"csrf": csrf(operator), "asked": email}
        async with operator.session.post(urljoin(desk, "/find"), data=form) as answer:
            assert "/accounts/" in answer.url.path
            page = (await answer.text()).partition("<main")[2]
        cookies = {f"support's cookie {one.key}": one.value for one in operator.session.cookie_jar}
        assert cookies
        return page, cookies | {"token of the support page's forms": form["csrf"]}
