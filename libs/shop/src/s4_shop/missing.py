"""What this machine lacks, or what would not start: said in words a person can act on."""


class MissingProgram(Exception):
    """A program that must be installed first; the text is the Debian package that has it."""


class NotReady(Exception):
    """A part did not answer in time; carries its last log lines."""

    def __init__(self, part: str, lines: str) -> None:
        super().__init__(f"{part} did not become ready; its last lines:\n{lines}")
        self.part = part
        self.lines = lines
