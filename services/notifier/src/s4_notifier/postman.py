"""Takes owed letters to the mail server, until it has them."""

from datetime import timedelta
from random import Random

from s4_contracts.notifier import LetterBounced, LetterSent
from s4_notifier import metrics, readers, store
from s4_notifier.links import Links
from s4_notifier.mailer import AddressRefused, Mailer
from s4_notifier.render import Letters
from s4_notifier.returns import Returns
from s4_notifier.store import OwedLetter
from s4_runtime import Backoff, Clock, Permanent, Temporary, get_logger
from s4_store import Pool

# How long a letter waits for an address that billing has not told yet; the event itself makes it due at once.
ADDRESS_WAIT = timedelta(seconds=30)
BACKOFF = Backoff(timedelta(seconds=5), timedelta(hours=1))


class Postman:
    """Sends one leased letter at a time; the loop around it is the store's."""

    def __init__(
        self,
        pool: Pool,
        *,
        links: Links,
        letters: Letters,
        mailer: Mailer,
        clock: Clock,
        random: Random,
        give_up_after: timedelta,
        returns: Returns | None = None,
    ) -> None:
        self._pool = pool
        self._links = links
        self._letters = letters
        self._mailer = mailer
        self._clock = clock
        self._random = random
        self._give_up_after = give_up_after
        self._returns = returns

    async def deliver(self, letter: OwedLetter, lease: str) -> None:
        """The letter is sent, bounced, withdrawn, or due again later. Killed anywhere, it is the same one next time."""
        link = self._links.of(letter)
        if letter.is_old or (link.ends_at is not None and link.ends_at <= self._clock.now()):
            await self._withdraw(letter, lease)
            return
        if letter.email is None:
            await self._await_address(letter, lease)
            return
        try:
            sender = self._returns.address(letter.letter_id) if self._returns else None
            await self._mailer.send(self._letters.message(letter, link), sender)
        except Permanent as refused:
            address = letter.email if isinstance(refused, AddressRefused) else None
            await self._bounce(letter, lease, refused.code, address)
        except Temporary as trouble:
            await self._retry(letter, lease, trouble)
        else:
            await self._sent(letter, lease)

    async def _sent(self, letter: OwedLetter, lease: str) -> None:
        now = self._clock.now()
        async with store.LETTERS.apply(self._pool, letter.letter_id, lease) as tx:
            await store.note_sent(tx, letter.letter_id, letter.email or "", now)
            await readers.note_taken(tx, letter.email or "")
            event = LetterSent(
                occurred_at=now, account_id=letter.account_id, letter_id=letter.letter_id, kind=letter.kind
            )
            await tx.emit(event, key=f"letter-sent:{letter.letter_id}")
        metrics.LETTERS.labels(letter.kind, "sent").inc()
        metrics.LETTER_SECONDS.observe(max(0.0, (now - letter.issued_at).total_seconds()))
        get_logger().info("letter.sent", letter=letter.letter_id, kind=letter.kind, attempts=letter.attempts)

    async def _bounce(self, letter: OwedLetter, lease: str, code: str, useless: str | None = None) -> None:
        """It will not arrive; nor will others at an address that is ``useless``."""
        now = self._clock.now()
        async with store.LETTERS.apply(self._pool, letter.letter_id, lease) as tx:
            await store.note_bounced(tx, letter.letter_id, code)
            if useless is not None:
                await readers.mark_undeliverable(tx, useless, code, now)
            event = LetterBounced(
                occurred_at=now,
                account_id=letter.account_id,
                letter_id=letter.letter_id,
                kind=letter.kind,
                code=code,
            )
            await tx.emit(event, key=f"letter-bounced:{letter.letter_id}")
        metrics.LETTERS.labels(letter.kind, "bounced").inc()
        get_logger().warning("letter.bounced", letter=letter.letter_id, kind=letter.kind, code=code)

    async def _withdraw(self, letter: OwedLetter, lease: str) -> None:
        """What it says is not so any more, or its link would lead nowhere."""
        async with store.LETTERS.apply(self._pool, letter.letter_id, lease) as tx:
            await store.finish(tx, letter.letter_id, "withdrawn")
        metrics.LETTERS.labels(letter.kind, "withdrawn").inc()
        get_logger().info("letter.withdrawn", letter=letter.letter_id, kind=letter.kind)

    async def _await_address(self, letter: OwedLetter, lease: str) -> None:
        if self._clock.now() - letter.issued_at > self._give_up_after:
            await self._bounce(letter, lease, "no-address")
        else:
            await self._postpone(letter, lease, ADDRESS_WAIT, failed=False)

    async def _retry(self, letter: OwedLetter, lease: str, trouble: Temporary) -> None:
        if self._clock.now() - letter.issued_at > self._give_up_after:
            await self._bounce(letter, lease, "undeliverable")
            return
        metrics.POSTPONED.labels(trouble.code).inc()
        get_logger().warning("letter.postponed", letter=letter.letter_id, code=trouble.code, attempts=letter.attempts)
        await self._postpone(letter, lease, BACKOFF.delay(letter.attempts, self._random), failed=True)

    async def _postpone(self, letter: OwedLetter, lease: str, wait: timedelta, *, failed: bool) -> None:
        async with store.LETTERS.apply(self._pool, letter.letter_id, lease) as tx:
            await store.postpone(tx, letter.letter_id, self._clock.now() + wait, failed=failed)
