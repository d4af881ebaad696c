from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from s4_runtime import Secret, ServiceSettings, SettingsError, load


class Shape(ServiceSettings, frozen=True, kw_only=True):
    listen: str
    seats: int = 3
    pause: timedelta = timedelta(seconds=1)
    hosts: list[str] = []
    folder: Path | None = None
    open: bool = False
    keys: list[Secret] = []


NEEDED = {"S4_DATABASE_URL": "db", "S4_AMQP_URL": "mq", "S4_DEPLOYMENT": "test", "S4_LISTEN": "127.0.0.1:1"}


def test_every_kind_of_value_is_read() -> None:
    settings = load(
        Shape,
        NEEDED
        | {
            "S4_SEATS": "5",
            "S4_PAUSE": "PT2M",
            "S4_HOSTS": "a, b\nc,,",
            "S4_FOLDER": "/tmp/x",  # noqa: S108  only a value
            "S4_OPEN": "true",
            "S4_KEYS": "one,two",
            "HOME": "ignored",
        },
    )
    assert (settings.seats, settings.pause, settings.hosts) == (5, timedelta(minutes=2), ["a", "b", "c"])
    assert (settings.folder, settings.open) == (Path("/tmp/x"), True)  # noqa: S108  only a value
    assert [key.reveal() for key in settings.keys] == ["one", "two"]


def test_all_problems_are_named_at_once_and_no_value_is_shown() -> None:
    wrong = {
        "S4_SEATS": "many-seats",
        "S4_PAUSE": "soon",
        "S4_OPEN": "perhaps",
        "S4_TYPO": "x",
        "S4_DEPLOYMENT": "test",
    }
    with pytest.raises(SettingsError) as refused:
        load(Shape, wrong)
    text = str(refused.value)
    for name in ("S4_SEATS", "S4_PAUSE", "S4_OPEN", "S4_TYPO", "S4_DATABASE_URL", "S4_AMQP_URL", "S4_LISTEN"):
        assert name in text
    assert "many-seats" not in text
    assert len(refused.value.problems) == 7


def test_a_secret_comes_from_the_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://x\n")
    environ = {name: value for name, value in NEEDED.items() if name != "S4_DATABASE_URL"}
    settings = load(Shape, environ | {"S4_DATABASE_URL_FILE": str(tmp_path / "url")})
    assert settings.database_url.reveal() == "postgresql://x"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"S4_DATABASE_URL_FILE": "/nowhere"}, "is set twice"),
        ({"S4_LISTEN_FILE": "/nowhere", "S4_LISTEN": None}, "cannot be read"),
        ({"S4_DATABASE_URL": ""}, "is empty"),
    ],
)
def test_a_value_that_is_double_unreadable_or_empty_is_a_problem(extra: dict[str, str | None], words: str) -> None:
    environ = {name: value for name, value in (NEEDED | extra).items() if value is not None}
    with pytest.raises(SettingsError, match=words):
        load(Shape, environ)


def test_an_optional_value_set_to_nothing_is_none() -> None:
    assert load(Shape, NEEDED | {"S4_FOLDER": ""}).folder is None


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("hush")
    assert "hush" not in f"{secret} {secret!r} {[secret]}" + str(load(Shape, NEEDED | {"S4_KEYS": "hush"}))
    assert secret == Secret("hush") != Secret("other")
    assert len({secret, Secret("hush")}) == 1
    assert not Secret("")
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)
