"""A share that is being written: its container in the spool, and which of its bytes have come."""

from allmydata.interfaces import ConflictingWriteError, DataTooLargeError
from allmydata.storage.lease import LeaseInfo
from collections_extended import RangeMap  # type: ignore[import-untyped]  # it has none

from s4_node.storage import container
from s4_node.storage.spool import SpoolFile


class Draft:
    """Takes data in any order. What was written once stays: it may be in the bucket already."""

    def __init__(self, file: SpoolFile, data_bytes: int, lease: LeaseInfo) -> None:
        self.file, self.data_bytes = file, data_bytes
        self.missing = data_bytes  # bytes that were never written
        self._written = RangeMap()
        file.write(0, container.header(data_bytes))
        file.write(container.HEADER_BYTES + data_bytes, container.lease_record(lease))

    def write(self, offset: int, data: bytes) -> None:
        """Store it. Raises ConflictingWriteError, DataTooLargeError and changes nothing; SpoolError."""
        if offset < 0:
            raise ValueError("offset")
        end = offset + len(data)
        known = [*self._written.ranges(offset, end)] if data else []
        for part in known:
            there = self.file.read(container.HEADER_BYTES + part.start, part.stop - part.start)
            if there != data[part.start - offset : part.stop - offset]:
                raise ConflictingWriteError(f"Chunk {part.start}-{part.stop} doesn't match already written data.")
        if end > self.data_bytes:
            raise DataTooLargeError(self.data_bytes, offset, len(data))
        self.file.write(container.HEADER_BYTES + offset, data)
        if data:
            self._written.set(True, offset, end)
            self.missing -= len(data) - sum(part.stop - part.start for part in known)

    def covers(self, start: int, end: int) -> bool:
        """Whether these bytes of the container will not change any more: header, lease, and data that was written."""
        first, last = max(0, start - container.HEADER_BYTES), min(self.data_bytes, end - container.HEADER_BYTES)
        if first >= last:
            return True
        return [(part.start, part.stop) for part in self._written.ranges(first, last)] == [(first, last)]

    def required_ranges(self) -> RangeMap:
        """The ranges of the data that were not written."""
        required = RangeMap()
        if self.data_bytes:
            required.set(True, 0, self.data_bytes)
        for part in self._written.ranges():
            required.delete(part.start, part.stop)
        return required
