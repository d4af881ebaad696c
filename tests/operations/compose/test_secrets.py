"""Who finds which secret where, in what `docker compose up` starts."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from s4_shop.compose import secrets
from s4_shop.folder import StateFolder
from s4_shop.wiring import SERVICES as NAMES
from support.composed.file import SERVICES, environment, mounts
from support.loaders import LOADERS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = "/run/secrets/s4"


@pytest.fixture
def minted(tmp_path: Path) -> Path:
    secrets.folders(tmp_path)
    secrets.write(tmp_path, NOW)
    return tmp_path


def texts(root: Path) -> dict[str, str]:
    found = {path.relative_to(root): path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"}
    return {str(name): path.read_text() for name, path in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_service_starts_with_what_it_is_given(minted: Path, name: str) -> None:
    told = environment(SERVICES[name])
    settings = LOADERS[name]({key: value.replace(PLACE, f"{minted}/{name}") for key, value in told.items()})
    assert (settings.deployment, settings.probes_listen) == ("local", "0.0.0.0:9090")


@pytest.mark.parametrize("name", NAMES)
def test_every_secret_of_a_service_is_one_that_it_reads(minted: Path, name: str) -> None:
    read = {value for value in environment(SERVICES[name]).values() if value.startswith(PLACE)}
    assert read == {f"{PLACE}/{path.name}" for path in (minted / name).iterdir()}


def test_each_reader_has_a_volume_that_nobody_else_mounts() -> None:
    volumes = {place: source for place, (source, _) in mounts(SERVICES["secrets"]).items()}
    assert set(volumes) == {f"/minted/{name}" for name in (secrets.KEPT, *secrets.READERS)}
    also = {"billing": {"catalogue"}, "zone": {"hosted-zone"}}
    for reader in secrets.READERS:
        source = volumes[f"/minted/{reader}"]
        mounting = {name for name, service in SERVICES.items() if (source, False) in mounts(service).values()}
        assert mounting <= {reader, f"{reader}-migrate", *also.get(reader, ())}
        assert mounting
    kept = volumes[f"/minted/{secrets.KEPT}"]
    assert [name for name, service in SERVICES.items() if kept in {one for one, _ in mounts(service).values()}] == [
        "secrets"
    ]


def test_files_are_for_their_reader_alone_where_he_is_of_our_user(minted: Path) -> None:
    for reader in secrets.READERS:
        modes = {path.stat().st_mode & 0o777 for path in (minted / reader).iterdir()}
        assert modes == ({0o444} if reader in secrets.STRANGERS else {0o400}), reader


def test_a_second_run_changes_nothing(minted: Path) -> None:
    before = {path: path.stat().st_ino for path in minted.rglob("*")}
    assert secrets.write(minted, NOW) == 0
    assert {path: path.stat().st_ino for path in minted.rglob("*")} == before


def test_a_run_that_was_killed_is_finished_by_the_next_one(minted: Path) -> None:
    wanted = texts(minted)
    order = sorted((minted / name for name in wanted), key=lambda path: path.stat().st_mtime_ns)
    for keep in range(0, len(order), 12):
        for path in order[keep:]:
            if path.parent.parent.name != secrets.KEPT:
                path.unlink(missing_ok=True)
        secrets.write(minted, NOW)
        assert texts(minted) == wanted


def test_what_was_minted_when_a_run_was_killed_stays(tmp_path: Path) -> None:
    secrets.folders(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        _write_until(tmp_path, 10)
    kept = texts(tmp_path / secrets.KEPT)
    secrets.write(tmp_path, NOW)
    assert len(kept) == 10
    assert kept.items() <= texts(tmp_path / secrets.KEPT).items()


def test_two_installations_share_no_secret(minted: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    secrets.folders(other)
    secrets.write(other, NOW)
    ours, theirs = texts(minted / secrets.KEPT), texts(other / secrets.KEPT)
    assert not set(ours.values()) & set(theirs.values())


def _write_until(root: Path, count: int) -> None:
    """Killed when so many secrets were minted."""
    kept = StateFolder(root / secrets.KEPT)
    (kept.root / "secrets").mkdir()
    left = iter(range(count))

    def mint(name: str, make: object) -> str:
        if next(left, None) is None:
            raise KeyboardInterrupt
        assert callable(make)
        return kept.secret(name, make).read_text()

    secrets.everything(mint, NOW)
