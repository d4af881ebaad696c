"""Production asked for, staging given: nothing is done."""

from pathlib import Path

from s4_cli.access import access
from s4_contracts.notifier import LetterSent
from support.operator_cli import TOKENS
from support.operators_desk import operators_desk
from support.support_page import Customer


async def test_another_installation_than_the_one_asked_for_does_nothing(
    support_database: str, amqp_url: str, tmp_path: Path
) -> None:
    async with operators_desk(support_database, amqp_url) as desk:
        (parked,) = await desk.parks("web", Customer().event(LetterSent))
        file = tmp_path / "s4" / "production.json"
        file.parent.mkdir()
        file.write_text(f'{{"support": "{desk.terminal.url}", "token": "{TOKENS["ada"]}"}}')
        file.chmod(0o600)
        assert access("support", {"XDG_CONFIG_HOME": str(tmp_path)}, tmp_path, "production").deployment == "production"
        words = ("queues", "replay", "web", parked, "--note", "ticket 7")
        status, _, err = await desk.terminal.type(*words, S4_DEPLOYMENT="production")
        assert (status, "asked=production answered=test" in err) == (1, True)
        assert await desk.parked_ids("web") == [parked]
        assert await desk.audit() == []
        status, _, _ = await desk.terminal.type(*words, S4_DEPLOYMENT="test")
        assert status == 0
