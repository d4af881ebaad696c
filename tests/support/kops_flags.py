"""The flags of kops' commands as its reference lists them; True takes a value."""

_EVERYWHERE = {"--state": True, "--name": True, "--config": True, "--v": True}
_OUTPUT = {"--output": True}
COMMANDS: dict[tuple[str, ...], dict[str, bool]] = {
    ("replace",): {"--filename": True, "--force": False},
    ("get", "clusters"): _OUTPUT | {"--full": False},
    ("get", "instancegroups"): _OUTPUT,
    ("update", "cluster"): {"--yes": False, "--admin": True, "--allow-kops-downgrade": False, "--prune": False}
    | {"--create-kube-config": False, "--instance-group": True, "--instance-group-roles": True, "--internal": False}
    | {"--ignore-kubelet-version-skew": False, "--lifecycle-overrides": True, "--out": True, "--phase": True}
    | {"--target": True, "--user": True},
    ("rolling-update", "cluster"): {"--yes": False, "--cloudonly": False, "--force": False, "--interactive": False}
    | {"--fail-on-drain-error": False, "--fail-on-validate-error": False, "--instance-group": True}
    | {"--instance-group-roles": True, "--node-interval": True, "--control-plane-interval": True}
    | {"--drain-timeout": True, "--post-drain-delay": True, "--validate-count": True, "--validation-timeout": True},
    ("validate", "cluster"): _OUTPUT | {"--count": True, "--kubeconfig": True, "--wait": True},
    ("export", "kubeconfig"): {"--admin": True, "--all": False, "--auth-plugin": False, "--internal": False}
    | {"--kubeconfig": True, "--user": True},
    ("delete", "cluster"): {"--yes": False, "--count": True, "--external": False, "--interval": True}
    | {"--region": True, "--unregister": False, "--wait": True},
}


class Refused(Exception):
    """The text is what kops says."""


def parse(words: list[str]) -> tuple[tuple[str, ...], list[str], dict[str, str]]:
    """The command, its arguments and its flags. Raises Refused."""
    command = next((tuple(words[:size]) for size in (2, 1) if tuple(words[:size]) in COMMANDS), None)
    if command is None:
        raise Refused(f'unknown command "{" ".join(words[:2])}" for "kops"')
    allowed, arguments, flags = COMMANDS[command] | _EVERYWHERE, [], {}
    rest = iter(words[len(command) :])
    for word in rest:
        name, has_value, value = word.partition("=")
        if not word.startswith("-"):
            arguments.append(word)
        elif name not in allowed:
            raise Refused(f"unknown flag: {name}")
        elif name == "--admin" and not has_value:
            flags[name] = "18h"
        else:
            flags[name] = value if has_value else next(rest) if allowed[name] else "true"
    return command, arguments, flags
