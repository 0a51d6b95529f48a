"""What goes to standard error: one line per event, and tracebacks that name nobody.

Neither plane. A database driver repeats the row it refused, and so people's names and messages,
below the first line of its errors. Of every exception only that first line is logged. A log that
cannot be written stops nothing: the books go on without it.
"""

import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import TextIO, cast

import structlog
from structlog.types import EventDict, WrappedLogger

Raised = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


class Unbreakable:
    """A stream whose disk may be full: what it cannot take is lost, and nobody stumbles over it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text`` if that is possible."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written if that is possible."""
        with contextlib.suppress(OSError):
            self._stream.flush()


class Discreet(logging.Formatter):
    """Formats records of the standard library, with discreet tracebacks."""

    def formatException(self, ei: Raised) -> str:  # noqa: N802 - the standard library's name
        """Return the traceback."""
        return "" if ei[1] is None else traceback_of(ei[1])


def configure() -> None:
    """Send one line per event to standard error; libraries below warnings stay silent."""
    output = logging.StreamHandler()
    output.setFormatter(Discreet("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[output], force=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            tell_exception,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, Unbreakable(sys.stderr))),
    )


def tell_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put the traceback of ``exc_info`` into an event of ours."""
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    elif isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        event["exception"] = traceback_of(raised)
    return event


def traceback_of(error: BaseException) -> str:
    """Return the traceback of ``error`` after those of what led to it, one line of text each."""
    return "\n".join(
        "Traceback (most recent call last):\n"
        + "".join(traceback.format_tb(one.__traceback__))
        + f"{type(one).__name__}: {str(one).partition(chr(10))[0]}"
        for one in led_to(error)
    )


def led_to(error: BaseException) -> Iterator[BaseException]:
    """Yield what led to ``error``, the members of a group, and ``error`` itself."""
    context = None if error.__suppress_context__ else error.__context__
    earlier = error.__cause__ or context
    if earlier is not None:
        yield from led_to(earlier)
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from led_to(member)
    yield error
