"""How the double behaves beside what S3 promises: slow, or like one of the stores that do less."""

from dataclasses import dataclass, field


@dataclass
class Manners:
    """Switches that tests turn over the control port; `latency_ms` by operation, "*" for all others."""

    latency_ms: dict[str, float] = field(default_factory=dict)
    ignores_conditions: bool = False  # as MinIO behind JuiceFS does
    keeps_metadata: bool = True
    opaque_etags: bool = False  # no MD5, as with SSE-KMS: a write then costs a quarter of the time
    virtual_domains: tuple[str, ...] = ("s3.localhost", "localhost")

    def delay(self, operation: str) -> float:
        """Seconds."""
        return self.latency_ms.get(operation, self.latency_ms.get("*", 0.0)) / 1000

    def reset(self) -> None:
        """As S3 is."""
        for name, value in vars(Manners()).items():
            setattr(self, name, value)
