"""Who of several workers runs what: a file is one worker's, and so are all that start a whole shop together."""

from xdist.scheduler import LoadScopeScheduling

SHOPS = ("shop", "journeys")  # folders


class ByFile(LoadScopeScheduling):
    """Like loadfile, but one worker has the shops: several at once would want more than two processors have."""

    def _split_scope(self, nodeid: str) -> str:
        is_shops = nodeid.startswith(tuple(f"tests/{folder}/" for folder in SHOPS))
        return "shops" if is_shops else nodeid.partition("::")[0]
