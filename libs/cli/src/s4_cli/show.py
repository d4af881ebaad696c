"""What a service answered, as lines for a terminal."""

from collections.abc import Mapping
from typing import Any

Answer = Mapping[str, Any]


def timeline(answer: Answer) -> str:
    """One line for each moment; or the accounts, if an address had several or none."""
    if "accounts" in answer:
        found = [f"{each['created_at']}  {each['account_id']}" for each in answer["accounts"]]
        return "\n".join(["several accounts; choose one:", *found]) if found else "no account has this address"
    return "\n".join(_moment(entry) for entry in answer["history"])


def account(answer: Answer) -> str:
    """Where the account is now."""
    return "\n".join(f"{name:<14} {value}" for name, value in answer.items() if not isinstance(value, list))


def flat(answer: Answer) -> str:
    """Each value on a line."""
    return "\n".join(f"{name:<14} {value}" for name, value in answer.items())


def drift(answer: Answer) -> str:
    """What differs, and how much was compared."""
    lines = [f"{each['kind']:<22} {each['stripe_id']:<34} ours {each['ours']}, Stripe's {each['theirs']}"
             f"{', followed' if each['applied'] else ''}" for each in answer["drift"]]  # fmt: skip
    end = f"{answer['compared']} compared in {answer['seconds']} s with {answer['requests']} requests"
    return "\n".join([*lines, f"{len(lines)} differ; {end}"])


def audit(answer: Answer) -> str:
    """One line for each deed."""
    return "\n".join(
        f"{each['at']}  {each['who']:<12} {each['what']:<16} {each['account_id'] or '-'}  {_facts(each['facts'])}"
        for each in answer["audit"]
    )


def _moment(entry: Answer) -> str:
    rest = {name: value for name, value in entry.items() if name not in {"at", "what"} and value not in (None, "")}
    return f"{entry['at']}  {entry['what']:<21} {_facts(rest)}"


def _facts(facts: Answer) -> str:
    return " ".join(f"{name}={_facts(value) if isinstance(value, dict) else value}" for name, value in facts.items())
