"""s4 completions: the script by which a shell completes what operators type."""

import argparse


def add_command(parser: argparse.ArgumentParser) -> None:
    """The command."""
    parser.description = (
        'Print the script: eval "$(s4 completions bash)", or write it to a folder in zsh\'s fpath as _s4.'
    )
    parser.add_argument("shell", choices=["bash", "zsh"])
    parser.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    import shtab

    from s4_cli.words import parser

    print(shtab.complete(parser(), shell=asked.shell))  # noqa: T201  the command's answer
    return 0
