"""python -m s4_devcloud PART ...: starts one part of the local cloud and imports nothing of the others."""

import importlib
import sys

PARTS = {
    "aws": "EC2, S3, IAM, STS, Route 53 and KMS, where a started instance is a machine that sshd answers on",
    "dns": "an authoritative DNS server for the names in the emulated Route 53",
    "image": "bakes the root filesystem that the instances boot, once",
    "kubernetes": "a Kubernetes API server, and a small cluster whose pods are processes",
    "mail": "an SMTP server that keeps what it is given, and a web page to read it",
    "stripe": "Stripe's API, its payment page, its portal and its signed webhooks",
}


def usage() -> str:
    """The parts, one line each."""
    lines = [f"  {name:11} {summary}" for name, summary in PARTS.items()]
    return "\n".join(["usage: python -m s4_devcloud PART [options]", "", *lines, "", "PART --help lists its options."])


def main(argv: list[str]) -> int:
    """The part's own exit code; 2 for a part that does not exist."""
    if argv and argv[0] in {"-h", "--help"}:
        print(usage())
        return 0
    if not argv or argv[0] not in PARTS:
        print(usage(), file=sys.stderr)
        return 2
    command = importlib.import_module(f"s4_devcloud.{argv[0]}.command")
    return int(command.main(argv[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
