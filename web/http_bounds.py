"""What one HTTP connection may take of this server: bytes nobody reads, and patience.

Neither plane. uvicorn bounds neither a request's head nor the time a client takes to send it, so
that one connection could fill the memory and a few thousand could hold every file descriptor. With
``web.handover`` one of the two files that touch uvicorn's insides.

Units   bytes and monotonic seconds.
Limit   ``HEAD_BYTES_MAX`` for a request line with its headers, and for anything else that is no
        body: 431 and the end. A request that is not complete ``REQUEST_S_MAX`` after it began, plus
        a second for each ``BODY_BYTES_PER_S`` that came, ends the connection; so does a client
        that takes nothing of its answer for ``ANSWER_S_MAX``.
Source  RFC 6585 section 5 (431); Apache's mod_reqtimeout for the shape of the rule.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 64 * 1024
REQUEST_S_MAX: Final = 20.0
BODY_BYTES_PER_S: Final = 500.0
ANSWER_S_MAX: Final = 30.0
LOOK_S: Final = 5.0
TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which does not wait or swallow for ever.

    A parser calls back only for what is complete: what came since the last call waits in memory.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pending_bytes = 0
        self._deadline: float | None = None  # of the request that is coming in
        self._stuck_since: float | None = None
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._deadline = self.loop.time() + REQUEST_S_MAX
        self._look = self.loop.call_later(LOOK_S, self.look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_looking()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the websocket protocol, which has bounds of its own."""
        self._stop_looking()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Parse, unless too much of no use came already."""
        self._pending_bytes += len(data)
        super().data_received(data)
        if self._pending_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def pause_writing(self) -> None:
        """Remember since when the client takes nothing."""
        self._stuck_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on."""
        self._stuck_since = None
        super().resume_writing()

    def look(self) -> None:
        """Close the connection if its time is up."""
        now = self.loop.time()
        is_late = self._deadline is not None and now > self._deadline
        is_stuck = self._stuck_since is not None and now - self._stuck_since > ANSWER_S_MAX
        if is_stuck or (is_late and not self.flow.read_paused):
            self.transport.abort()
        else:
            self._look = self.loop.call_later(LOOK_S, self.look)

    # What the parser calls

    def on_message_begin(self) -> None:
        """Give a request its time."""
        super().on_message_begin()
        self._pending_bytes = 0
        self._deadline = self.loop.time() + REQUEST_S_MAX

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._pending_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Give a body more time as it comes."""
        self._pending_bytes = 0
        if self._deadline is not None:
            self._deadline += len(body) / BODY_BYTES_PER_S
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing more; between requests uvicorn's own keep-alive counts."""
        self._pending_bytes = 0
        self._deadline = None
        super().on_message_complete()

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None
