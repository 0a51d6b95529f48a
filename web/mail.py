"""Mail: a bounded outbox, and SMTP in a thread so that nobody waits for a mail server.

Letters are kept in memory only. A letter lost with the process is asked for again by whoever
misses it: nothing but password links goes by mail.

Limit   ``LETTERS_MAX`` letters wait; past it new ones are dropped and counted in the log.
Source  RFC 5321 (SMTP), RFC 8314 (``smtps`` is TLS from the first byte; ``smtp`` uses STARTTLS
        where the server offers it).
"""

import asyncio
import smtplib
import ssl
from collections import deque
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

import structlog

from web.jobs import Job
from web.settings import Settings

if TYPE_CHECKING:
    from web.state import State

LETTERS_MAX = 500
ATTEMPTS_MAX = 3
TIMEOUT_S = 20.0
SUBMISSION_PORT = 587
SUBMISSIONS_PORT = 465  # with TLS from the first byte

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Letter:
    """A text for one person."""

    to: str
    subject: str
    text: str
    attempts: int = 0


class Outbox:
    """Letters waiting to be sent, the oldest first."""

    def __init__(self, letters_max: int = LETTERS_MAX) -> None:
        self._letters: deque[Letter] = deque()
        self._letters_max = letters_max

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, letter: Letter) -> bool:
        """Add a letter; False when the outbox is full and the letter is dropped."""
        if len(self._letters) >= self._letters_max:
            return False
        self._letters.append(letter)
        return True

    def take_all(self) -> list[Letter]:
        """Empty the outbox and return what was in it."""
        taken = list(self._letters)
        self._letters.clear()
        return taken


async def send_waiting(state: "State") -> None:
    """Send what waits; a letter that fails waits again, ``ATTEMPTS_MAX`` times in all."""
    letters = state["outbox"].take_all()
    if not letters:
        return
    settings = state["settings"]
    stamp = format_datetime(state["clock"]())
    host = urlsplit(settings.public_url).hostname or "localhost"
    for letter in letters:
        message = compose(letter, sender=sender_of(settings.smtp_url, host), host=host, date=stamp)
        try:
            await asyncio.to_thread(send, settings.smtp_url, message)
        except (OSError, smtplib.SMTPException) as error:
            # The address is not logged: logs outlive accounts.
            log.warning("letter not sent", attempt=letter.attempts + 1, error=type(error).__name__)
            if letter.attempts + 1 < ATTEMPTS_MAX:
                again = Letter(letter.to, letter.subject, letter.text, letter.attempts + 1)
                state["outbox"].put(again)


def compose(letter: Letter, *, sender: str, host: str, date: str) -> EmailMessage:
    """Return the letter as it goes over the wire."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = date
    message["Message-ID"] = make_msgid(domain=host)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message.set_content(letter.text)
    return message


def sender_of(smtp_url: str, host: str) -> str:
    """Return the address letters come from: ``?from=`` of the SMTP URL, or noreply@host."""
    given = parse_qs(urlsplit(smtp_url).query).get("from")
    return given[0] if given else f"noreply@{host}"


def send(smtp_url: str, message: EmailMessage) -> None:
    """Send one message and close the connection.

    Raises:
        OSError, smtplib.SMTPException: The server was not reached or would not take it.
    """
    url = urlsplit(smtp_url)
    host = url.hostname or "localhost"
    tls = ssl.create_default_context()
    with (
        smtplib.SMTP_SSL(host, url.port or SUBMISSIONS_PORT, timeout=TIMEOUT_S, context=tls)
        if url.scheme == "smtps"
        else smtplib.SMTP(host, url.port or SUBMISSION_PORT, timeout=TIMEOUT_S)
    ) as server:
        if url.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=tls)
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        server.send_message(message)


def origin(settings: Settings) -> str:
    """Return where links in letters lead: the public URL, or this machine.

    Never the Host header of a request: whoever asks for a reset writes that one, and the letter
    would carry somebody else's token to them.
    """
    return settings.public_url.rstrip("/") or f"http://127.0.0.1:{settings.port}"


def reset_link(settings: Settings, token: str) -> str:
    """Return the page on which ``token`` sets a new password."""
    return f"{origin(settings)}/login?reset={token}"


def reset_letter(to: str, handle: str, link: str) -> Letter:
    """Return the letter with a link that sets a new password."""
    return Letter(
        to=to,
        subject="Set a new password",
        text=(
            f"Somebody asked to set a new password for @{handle}.\n\n{link}\n\n"
            "The link works once, within an hour. If it was not you, do nothing:\n"
            "your password stays as it is.\n"
        ),
    )


jobs = (Job("send letters", 0.5, send_waiting),)
