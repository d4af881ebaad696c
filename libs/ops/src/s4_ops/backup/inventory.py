"""What an installation knows, and what each thing is worth: inventory.toml, read."""

import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import Literal

import msgspec


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table's worth, and why."""

    worth: Literal["own", "again", "passing"]
    text: str


class SecretFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A secret: where it lies, whether a backup holds it, and what happens when it is another one."""

    worth: Literal["keep", "mint", "derived"]
    lost: str
    local: list[str] = []
    kubernetes: list[str] = []


class Inventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it."""

    every_database: dict[str, Table]
    databases: dict[str, dict[str, Table]]
    secrets: dict[str, SecretFile]
    elsewhere: dict[str, str]

    def tables(self, database: str) -> dict[str, Table]:
        """The tables of a database, those that every database has included."""
        return {**self.every_database, **self.databases[database]}

    def secret(self, path: str) -> SecretFile | None:
        """The entry of a file in the folder of secrets, or of Secret/key; None for one that nobody named."""
        whole = f"{path.partition('/')[0]}/*"
        return next((each for each in self.secrets.values() if {path, whole} & {*each.local, *each.kubernetes}), None)

    def drawn(self) -> str:
        """The tables of docs/operations/backup.md."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        for name, tables in {"every database": self.every_database, **self.databases}.items():
            yield from (f"### {name}", "", "| table | worth | why |", "|---|---|---|")
            yield from (f"| {table} | {entry.worth} | {entry.text} |" for table, entry in tables.items())
            yield ""
        yield from ("### Secrets", "", "| secret | local file | Secret/key | in a backup | if it is lost |")
        yield "|---|---|---|---|---|"
        for name, entry in self.secrets.items():
            local, keys = (", ".join(f"`{each}`" for each in names) for names in (entry.local, entry.kubernetes))
            yield f"| {name} | {local} | {keys} | {entry.worth} | {entry.lost} |"
        yield from ("", "### Elsewhere", "", "| what | truth |", "|---|---|")
        yield from (f"| {what} | {text} |" for what, text in self.elsewhere.items())


def inventory() -> Inventory:
    """The inventory of this release."""
    text = resources.files(__package__).joinpath("inventory.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Inventory)
