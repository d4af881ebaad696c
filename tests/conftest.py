"""Fixtures that every folder of tests shares."""

import functools
import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from xdist.remote import Producer

from s4_shop.ports import free_port as any_free_port
from support.databases import KeptDatabases
from support.infra import TestBroker, TestDatabases, TestRun, needs_program
from support.workers import SHOPS, ByFile

# In the order in which they run.
_FOLDERS = ("unit", "operations", "shop", "devcloud", "service", "browser", "integration", "journeys")
# These take longest: several workers begin with them, so that none is left to one worker at the end.
_FIRST = (
    *("test_histories_of_facts.py", "test_histories.py", "test_real_grid.py", "test_leaving.py", "test_process.py"),
    *("test_recovery.py", "test_shards.py", "test_hosts.py", "test_rollout.py", "test_properties.py", "test_axe.py"),
)
_HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    for folder in _FOLDERS:
        config.addinivalue_line("markers", f"{folder}: what is in tests/{folder}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Markers come from folders; the quick folders run first, but what takes longest does when several workers run."""
    for item in items:
        if _folder(item) in _FOLDERS:
            item.add_marker(_folder(item))
    items.sort(key=lambda item: _FOLDERS.index(_folder(item)) if _folder(item) in _FOLDERS else 0)
    if items and hasattr(items[0].config, "workerinput"):
        items.sort(key=lambda item: 0 if _folder(item) in SHOPS else 1 if item.path.name in _FIRST else 2)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Workers share one PostgreSQL and one RabbitMQ."""
    run = TestRun()
    run.lend()
    config.add_cleanup(run.close)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile | None:
    """What `--dist loadfile` means here."""
    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have to say when they pass, by `record_property("note", ...)`."""
    passed = terminalreporter.getreports("passed")
    notes = [text for report in passed for name, text in report.user_properties if name == "note"]
    for text in notes:
        terminalreporter.write_line(str(text))


def _folder(item: pytest.Item) -> str:
    return _folder_of(item.path)


@functools.cache
def _folder_of(path: Path) -> str:
    return path.relative_to(_HERE).parts[0] if path.is_relative_to(_HERE) else ""


@pytest.fixture(autouse=True)
def logs_as_at_first() -> Iterator[None]:
    """What a test configured about logs ends with it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    _log_plainly()
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def _log_plainly() -> None:
    # Structlog's own choice colours the source of each traceback, which takes longer than most tests.
    *before, _ = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, renderer])


@pytest.fixture(scope="session")
def test_run() -> Iterator[TestRun]:
    run = TestRun()
    yield run
    run.close()


@pytest.fixture(scope="session")
def postgres(test_run: TestRun) -> TestDatabases:
    """A private cluster; `.create_database(name)` gives a url."""
    with needs_program():
        return TestDatabases(test_run.postgres())


@pytest.fixture(scope="session")
def kept_databases(postgres: TestDatabases) -> KeptDatabases:
    """A database for each service, migrated once."""
    return KeptDatabases(postgres)


@pytest.fixture
def new_database(postgres: TestDatabases) -> Iterator[str]:
    """The url of a fresh database without any table."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture
def database(new_database: str) -> str:
    """The database of a test; the folders of services have one with the service's tables."""
    return new_database


@pytest.fixture(scope="session")
def broker(test_run: TestRun) -> TestBroker:
    """A private RabbitMQ; `.amqp_url(vhost)`, `.management_url`."""
    with needs_program():
        return TestBroker(test_run.rabbitmq())


@pytest.fixture
def amqp_url(broker: TestBroker) -> Iterator[str]:
    """The url of a fresh virtual host."""
    vhost = f"test-{uuid.uuid4().hex[:12]}"
    yield broker.amqp_url(vhost)
    broker.delete_vhost(vhost)


@pytest.fixture
def free_port() -> Callable[[], int]:
    return any_free_port


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder
