"""What comes back: where it is to come to, how it is read, and what becomes of it."""

from s4_notifier.returns.door import doors
from s4_notifier.returns.verp import Returns

__all__ = ["Returns", "doors"]
