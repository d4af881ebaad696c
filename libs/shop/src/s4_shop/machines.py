"""What the emulated cloud leaves when it could not clean up itself."""

import subprocess

from s4_shop.control import Report
from s4_shop.plan import Part


def remove(aws: Part, report: Report) -> None:
    """No machine of this shop is left. `aws` is the part that made them; it has ended."""
    argv = [*aws.argv, "--sweep"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        report(f"  machines could not be removed:\n{done.stderr.strip()[-2000:]}")
