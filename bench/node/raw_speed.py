"""What the S3 server gives to a client that does nothing else: prints JSON. Run by the node's own Python.

python raw_speed.py ENDPOINT REGION BUCKET CREDENTIALS_FILE
"""

import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from s4_node.s3.bucket import Bucket  # type: ignore[import-not-found]  # not in the environment that is checked
from s4_node.s3.values import Store  # type: ignore[import-not-found]

MIB, PART, BLOCK = 2**20, 8 * 2**20, 2**20
AT_ONCE = 4


def spent(work: Callable[[int], object], times: int, at_once: int) -> float:
    """Seconds for all of it."""
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(work, range(times)))
    return time.perf_counter() - began


def main() -> None:
    endpoint, region, name, credentials = sys.argv[1:]
    store = Store(bucket=name, prefix="raw/", endpoint=endpoint, region=region, credentials=f"file:{credentials}")
    bucket, part, small = Bucket(store), os.urandom(PART), os.urandom(10 * 2**10)
    bucket.put("first", part)
    parts, blocks, few = 24, 96, 200
    figures = {
        "put MiB/s": parts * PART / MIB / spent(lambda number: bucket.put(f"part-{number}", part), parts, AT_ONCE),
        "get MiB/s": blocks
        / spent(lambda one: bucket.get("first", one % 7 * BLOCK, (one % 7 + 1) * BLOCK), blocks, AT_ONCE),
        "put 10 KiB, ms": 1000 / few * spent(lambda number: bucket.put(f"small-{number}", small), few, 1),
        "get 10 KiB, ms": 1000 / few * spent(lambda number: bucket.get(f"small-{number}"), few, 1),
        "list, ms": 1000 / few * spent(lambda number: bucket.list_page(f"small-{number}/"), few, 1),
    }
    bucket.delete_many([stat.key for stat in bucket.list("")])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
