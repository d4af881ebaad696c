"""Install what is missing, then the Python environments: python3 tools/bootstrap.py [--tests].

Needs nothing but Python 3.11's standard library. A second run does nothing, in less than a second.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "libs" / "shop" / "src"))

from s4_shop.install.bootstrap import main  # noqa: E402  the path is set first

if __name__ == "__main__":
    sys.exit(main(ROOT, for_tests="--tests" in sys.argv[1:]))
