"""Mail: a bounded outbox, and letters that reach a mail server whole."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any, cast

import pytest

from web import mail
from web.mail import Letter, Outbox
from web.settings import Settings, read_settings
from web.state import State

LETTER = Letter("ana@example.org", "Hello", "A link:\n\nhttp://127.0.0.1/password/x\n")


class OneMailServer(socketserver.TCPServer):
    """An SMTP server that keeps what it is sent; ``refuses`` makes it take nothing."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.letters: list[bytes] = []
        self.recipients: list[str] = []
        self.refuses = False


class Conversation(socketserver.StreamRequestHandler):
    """RFC 5321, as far as smtplib speaks it."""

    def handle(self) -> None:
        server = cast(OneMailServer, self.server)
        self.say("220 here")
        while line := self.rfile.readline().decode().strip():
            verb = line.partition(" ")[0].upper()
            if verb == "DATA":
                self.say("354 go on")
                server.letters.append(self.body())
                self.say("250 taken")
            elif verb == "RCPT":
                server.recipients.append(line)
                self.say("550 nobody" if server.refuses else "250 known")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def body(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        return b"".join(lines)


@pytest.fixture
def mail_server() -> Iterator[OneMailServer]:
    with OneMailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def state_with(smtp_url: str, *letters: Letter) -> State:
    outbox = Outbox()
    for letter in letters:
        outbox.put(letter)
    partial: dict[str, Any] = {
        "outbox": outbox,
        "settings": settings(OVATION_SMTP_URL=smtp_url),
        "clock": lambda: datetime(2026, 1, 2, 12, tzinfo=UTC),
    }
    return cast(State, partial)


def settings(**environ: str) -> Settings:
    return read_settings(environ)


def url_of(server: OneMailServer) -> str:
    return f"smtp://127.0.0.1:{server.server_address[1]}?from=hello@example.org"


async def test_a_waiting_letter_reaches_the_mail_server(mail_server: OneMailServer) -> None:
    state = state_with(url_of(mail_server), LETTER)

    await mail.send_waiting(state)

    (raw,) = mail_server.letters
    letter = message_from_bytes(raw, policy=policy.default)
    assert (letter["To"], letter["From"]) == ("ana@example.org", "hello@example.org")
    assert letter["Date"] == "Fri, 02 Jan 2026 12:00:00 +0000"
    assert "http://127.0.0.1/password/x" in str(letter.get_content())
    assert len(state["outbox"]) == 0


async def test_a_refused_letter_is_tried_three_times(mail_server: OneMailServer) -> None:
    mail_server.refuses = True
    state = state_with(url_of(mail_server), LETTER)

    for _ in range(5):
        await mail.send_waiting(state)

    assert len(mail_server.recipients) == mail.ATTEMPTS_MAX
    assert mail_server.letters == []
    assert len(state["outbox"]) == 0


async def test_a_letter_waits_while_the_mail_server_is_away() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: refuses connections
        state = state_with(f"smtp://127.0.0.1:{nobody.getsockname()[1]}", LETTER)

        await mail.send_waiting(state)

    assert len(state["outbox"]) == 1


def test_a_full_outbox_takes_no_more_letters() -> None:
    outbox = Outbox(letters_max=1)

    assert [outbox.put(LETTER), outbox.put(LETTER)] == [True, False]
    assert outbox.take_all() == [LETTER]
    assert outbox.put(LETTER)


def test_a_handle_or_address_cannot_add_header_lines() -> None:
    letter = Letter("ana@example.org\r\nBcc: all@example.org", "Hello", "")

    with pytest.raises(ValueError, match="linefeed"):
        mail.compose(letter, sender="a@example.org", host="example.org", date="now")


@pytest.mark.parametrize(
    ("environ", "link"),
    [
        ({}, "http://127.0.0.1:8000/login?reset=TOKEN"),
        ({"OVATION_PUBLIC_URL": "https://live.example/"}, "https://live.example/login?reset=TOKEN"),
    ],
)
def test_a_link_leads_to_the_public_address(environ: dict[str, str], link: str) -> None:
    assert mail.reset_link(settings(**environ), "TOKEN") == link
    assert link in mail.reset_letter("ana@example.org", "ana", link).text


def test_letters_come_from_noreply_unless_the_url_says_otherwise() -> None:
    assert mail.sender_of("smtp://mail.example", "live.example") == "noreply@live.example"
    assert mail.sender_of("smtp://mail.example?from=hi@live.example", "x") == "hi@live.example"
