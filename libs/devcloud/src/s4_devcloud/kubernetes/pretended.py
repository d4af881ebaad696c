"""Images that are not here: their pods do nothing, and say what a test told them to say."""

from dataclasses import dataclass
from typing import Any

from s4_devcloud.kubernetes.store import Object


@dataclass(frozen=True)
class _Image:
    """What a container of this image does: it serves, or ends with a code."""

    ends: int | None = None
    is_ready: bool = True
    prints: str = ""


class Pretended:
    """The images by a part of their names; what was told last counts first."""

    def __init__(self) -> None:
        self._images: list[tuple[str, _Image]] = []

    def learn(self, told: dict[str, Any]) -> None:
        """Containers whose image and words have this part do as told: {"part", "ends", "is_ready", "prints"}."""
        rest = {name: value for name, value in told.items() if name != "part"}
        self._images.insert(0, (str(told["part"]), _Image(**rest)))

    def knows(self, pod: Object) -> bool:
        """Whether the pod is of such an image."""
        return self._image(pod) is not None

    def log(self, pod: Object) -> str | None:
        """What the pod printed; nothing when it is a real one."""
        image = self._image(pod)
        return image.prints if image else None

    def status(self, pod: Object) -> Object:
        """What its kubelet would say."""
        image = self._image(pod) or _Image()
        is_ready = image.ends is None and image.is_ready
        phase = "Running" if image.ends is None else "Failed" if image.ends else "Succeeded"
        states = {
            "Running": {"running": {}},
            "Failed": {"terminated": {"exitCode": image.ends, "reason": "Error"}},
            "Succeeded": {"terminated": {"exitCode": 0, "reason": "Completed"}},
        }
        statuses = [
            {"name": each["name"], "image": each["image"], "ready": is_ready, "restartCount": 0, "state": states[phase]}
            for each in pod["spec"]["containers"]
        ]
        ready = [{"type": "Ready", "status": "True" if is_ready else "False"}]
        return {"phase": phase, "conditions": ready, "containerStatuses": statuses}

    def _image(self, pod: Object) -> _Image | None:
        first = pod["spec"]["containers"][0]
        words = " ".join([first["image"], *first.get("command", []), *first.get("args", [])])
        return next((image for part, image in self._images if part in words), None)
