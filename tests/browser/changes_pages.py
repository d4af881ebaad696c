"""The pages on which owners decide for themselves, in each of their states."""

from datetime import timedelta

from playwright.async_api import Page

from browser.places import Place, Scene
from support.web_changes import answers, asks, email_link, has_left, letters_link, scheduled, send, stopped

_ACCOUNT = "/account/{account_id}"


async def something_is_stored(scene: Scene) -> None:
    scene.site.provisioner.stored[scene.owner.grid_id] = [f"shares/aa/{number:026d}/0" for number in range(25)]


async def the_provisioner_is_down(scene: Scene) -> None:
    scene.site.provisioner.is_down = True


async def a_change_waits(scene: Scene) -> None:
    await asks(scene.site, scene.browser, scene.owner)
    scene.links |= {side: await email_link(scene.site, scene.owner, side) for side in ("old", "new")}


async def the_new_address_said_yes(scene: Scene) -> None:
    await a_change_waits(scene)
    await answers(scene.browser, scene.links["new"])


async def both_said_yes(scene: Scene) -> None:
    await the_new_address_said_yes(scene)
    await answers(scene.browser, scene.links["old"])


async def a_letter_came(scene: Scene) -> None:
    scene.links["letters"] = letters_link(scene.owner)


async def the_owner_paused(scene: Scene) -> None:
    await send(scene.browser, scene.owner, "pause")
    await scene.site.hears(stopped(scene.site, scene.owner))


async def the_owner_left(scene: Scene) -> None:
    has_left(scene.owner)


async def the_owner_wants_it_erased(scene: Scene) -> None:
    has_left(scene.owner)
    await send(scene.browser, scene.owner, "erase", words="delete everything")
    await scene.site.hears(scheduled(scene.site, scene.owner, scene.site.clock.now() + timedelta(hours=24)))


async def an_address_is_mistyped(page: Page) -> None:
    await page.get_by_label("Your new e-mail address").fill("ada")
    await page.get_by_role("button", name="Send the two letters").click()


async def the_words_are_forgotten(page: Page) -> None:
    await page.get_by_role("button", name="Delete everything").click()


async def keys_are_asked_for(page: Page) -> None:
    await page.get_by_role("button", name="Give me keys").click()


async def the_link_is_refused(page: Page) -> None:
    await page.get_by_role("button", name="This was not me").click()


async def the_letters_are_stopped(page: Page) -> None:
    await page.get_by_role("button", name="Stop them").click()


CHANGES: list[Place] = [
    Place("email", f"{_ACCOUNT}/email", who="member"),
    Place("email-problem", f"{_ACCOUNT}/email", who="member", act=an_address_is_mistyped),
    Place("email-pending", f"{_ACCOUNT}/email", who="member", arrange=the_new_address_said_yes),
    Place("email-link-old", "/email/confirm?token={old}", who="member", arrange=a_change_waits),
    Place("email-link-new", "/email/confirm?token={new}", who="member", arrange=a_change_waits),
    Place("email-said-yes", "/email/confirm?token={new}", who="member", arrange=the_new_address_said_yes),
    Place("email-done", "/email/confirm?token={old}", who="member", arrange=both_said_yes),
    Place("email-refused", "/email/confirm?token={old}", who="member", arrange=a_change_waits, act=the_link_is_refused),
    Place("letters-stop", "/letters/stop?token={letters}", who="member", arrange=a_letter_came),
    Place(
        "letters-stopped",
        "/letters/stop?token={letters}",
        who="member",
        arrange=a_letter_came,
        act=the_letters_are_stopped,
    ),
    Place("export", f"{_ACCOUNT}/export", who="member", arrange=something_is_stored),
    Place("export-down", f"{_ACCOUNT}/export", who="member", arrange=the_provisioner_is_down),
    Place("export-keys", f"{_ACCOUNT}/export", who="member", arrange=something_is_stored, act=keys_are_asked_for),
    Place("pause", f"{_ACCOUNT}/pause", who="member"),
    Place("paused", f"{_ACCOUNT}/pause", who="member", arrange=the_owner_paused),
    Place("account-paused", _ACCOUNT, who="member", arrange=the_owner_paused),
    Place("account-left", _ACCOUNT, who="member", arrange=the_owner_left),
    Place("account-erasing", _ACCOUNT, who="member", arrange=the_owner_wants_it_erased),
    Place("erase", f"{_ACCOUNT}/erase", who="member", arrange=the_owner_left),
    Place("erase-problem", f"{_ACCOUNT}/erase", who="member", arrange=the_owner_left, act=the_words_are_forgotten),
    Place("erasing", f"{_ACCOUNT}/erase", who="member", arrange=the_owner_wants_it_erased),
]
