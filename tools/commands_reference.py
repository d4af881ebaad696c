"""All commands of ``s4`` as one page: ``python tools/commands_reference.py docs/operations/commands.md``."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from s4_cli.words import WORDS, parser

HEAD = """# Commands

Written by `make schema` from the commands' own parsers; a test keeps it true.

`s4` ends with 0 when it is done, 1 when what was asked is refused, 75 when a service cannot be reached (try again), 2
when the words are wrong. `s4 doctor` ends with what it found. Everywhere `--json` prints the answer as JSON, and
`--environment NAME` names an installation by `~/.config/s4/NAME.json` (see [doctor](doctor.md)); without it variables
count (`S4_SUPPORT_OPERATOR_URL`, `S4_BILLING_OPERATOR_URL`, `S4_PROVISIONER_OPERATOR_URL`, with
`S4_OPERATOR_TOKEN_FILE`), else the shop of this clone. A service of another installation than the one that is meant
refuses before it does anything: `wrong-deployment`.

What changes something takes `--note` with the reason, which stands in the audit beside the operator's name: `s4
billing audit`, `s4 grids audit`, `s4 queues audit`; what no service carries out (deployments, clusters, backups)
stands in the file that `S4_AUDIT_FILE` names, else `~/.local/state/s4/audit.jsonl`. What removes something or touches
much is shown first; the code that this prints has it done (`--confirm CODE`, within 15 minutes).

Colour and bars appear on a terminal only, and not with `NO_COLOR`. Completions: `eval "$(s4 completions bash)"`.

## Examples

```
s4 queues list                                                   # who is behind, and what was put aside
s4 queues parked web --code handler-timeout
s4 queues replay web --code handler-timeout --note "the database was full"
s4 queues drop web ID --note "sent by a test"                    # shows it; then the same with --confirm CODE
s4 queues restore web ID --note "it was no test"
s4 events tail --type signup-paid --since PT1H                   # follows until it is ended
s4 events trace ada@example.org                                  # one timeline, by an address or any id
s4 doctor --environment staging
s4 --environment production billing show ACCOUNT
```
"""


def page() -> str:
    """The page as Markdown: a section for each word, a part for each of its commands."""
    parts = [HEAD]
    words = _below(parser())
    for word, made in words.items():
        parts += [f"\n## s4 {word}\n", f"{_sentence(WORDS[word])}\n"]
        commands = _below(made)
        for name, command in commands.items():
            parts += [f"### {word} {name}\n", *_described(command)]
            for last, leaf in _below(command).items():
                parts += [f"#### {word} {name} {last}\n", *_described(leaf)]
        if not commands:
            parts += _described(made)
    return "\n".join(parts).replace("\n\n\n", "\n\n").rstrip() + "\n"


def _described(command: argparse.ArgumentParser) -> list[str]:
    text = [f"{_sentence(command.description)}\n"] if command.description else []
    rows = list(_arguments(command))
    return [*text, *(["| argument | meaning |", "|---|---|", *rows, ""] if rows else [])]


def _arguments(command: argparse.ArgumentParser) -> Iterator[str]:
    for action in _actions(command):
        if action.dest in {"help", "json", "environment"} or isinstance(action.choices, dict):
            continue
        choices = ", ".join(map(str, action.choices)) if action.choices else ""
        name = action.option_strings[-1] if action.option_strings else str(action.metavar or action.dest)
        value = "" if not action.option_strings or action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
        meaning = [part for part in (action.help, f"one of {choices}" if choices else "") if part]
        meaning += ["required"] if action.required and action.option_strings else []
        yield f"| `{name}{value}` | {'; '.join(meaning).replace('|', '/') or ' '} |"


def _below(made: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return next((dict(action.choices) for action in _actions(made) if isinstance(action.choices, dict)), {})


def _actions(made: argparse.ArgumentParser) -> list[argparse.Action]:
    return made._actions  # noqa: SLF001  argparse has no other way to ask what a parser takes


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
