"""What a shop would be told, without a shop."""

from pathlib import Path

from s4_shop import addresses
from s4_shop.folder import StateFolder
from s4_shop.options import Options
from s4_shop.wiring import Wiring

ROOT = Path(__file__).resolve().parents[2]


def wiring_in(folder: StateFolder, *, durable: bool = True) -> Wiring:
    """The secrets and addresses of a shop that does not run."""
    folder.create()
    chosen = Options(repository=ROOT, driver="nspawn", images=ROOT / "i", node=ROOT / "n", durable=durable)
    return Wiring(folder, addresses.choose(folder, {}), chosen)
