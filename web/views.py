"""View tokens: one person's watching, carried by socket, WHEP and HLS alike.

A token is signed, not stored, so that a reconnecting crowd asks the database nothing. It names the
view, its room and who watches; a ban is looked up where the token is used.

Units   ``expires_at`` is an aware UTC datetime.
Source  https://itsdangerous.palletsprojects.com/en/stable/url_safe/
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from itsdangerous import BadData, URLSafeSerializer

LIFETIME: Final = timedelta(hours=12)
TOKEN_CHARACTERS_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class View:
    """One person's watching of one room.

    Attributes:
        account_id: ``None`` for a guest.
    """

    view_id: str
    room_id: str
    account_id: str | None
    expires_at: datetime


class BadViewToken(Exception):
    """A view token is forged, damaged, out of date or of another room."""

    def __str__(self) -> str:
        return "Ask for a new view of this room."


def sign(view_id: str, room_id: str, account_id: str | None, secret: str, *, now: datetime) -> str:
    """Return a token for a view that may go on for ``LIFETIME`` from now."""
    expires_s = int((now + LIFETIME).timestamp())
    return _serializer(secret).dumps([view_id, room_id, account_id, expires_s])


def read(token: str, room_id: str, secret: str, *, now: datetime) -> View:
    """Return the view of ``room_id`` that ``token`` proves.

    Raises:
        BadViewToken: It proves none.
    """
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise BadViewToken
    try:
        view_id, signed_room_id, account_id, expires_s = _serializer(secret).loads(token)
    except BadData:
        raise BadViewToken from None
    expires_at = datetime.fromtimestamp(expires_s, UTC)
    if signed_room_id != room_id or expires_at <= now:
        raise BadViewToken
    return View(view_id, room_id, account_id, expires_at)


def _serializer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="ovation.view")
