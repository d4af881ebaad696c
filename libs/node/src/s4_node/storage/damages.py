"""Damaged shares in the log: each object once, however often it is asked for."""

from collections import OrderedDict

from twisted.logger import Logger

from s4_node.s3.values import Stat

_MOST = 512  # objects that are remembered to have been said

_log = Logger()


class Damages:
    """What was found to be wrong with the shares of a grid."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[str, str], None] = OrderedDict()

    def say(self, stat: Stat, problem: str) -> None:
        """Log it the first time, and again when the object is another one."""
        if (stat.key, stat.etag) in self._said:
            return
        self._said[stat.key, stat.etag] = None
        if len(self._said) > _MOST:
            self._said.popitem(last=False)
        _log.error("share.damaged", share=stat.key, problem=problem)
