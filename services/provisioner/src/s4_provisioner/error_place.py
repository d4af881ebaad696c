"""Where in our code an error happened that nobody foresaw; its text may quote anything."""

import traceback


def error_place(error: BaseException) -> str:
    """Kind and place of the error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
