"""Problem documents: every refusal of the API, and what raises it.

A domain package raises its own exceptions; ``MEANINGS`` says, in one place, which status and
which stable ``code`` each becomes and which of its fields the caller is told.

Source  RFC 9457 (Problem Details for HTTP APIs).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gifts import errors as gifts
from live import errors as live
from wallet import errors as wallet
from web import views
from web.people import errors as people
from web.trust import errors as trust

MEDIA_TYPE = "application/problem+json"
DATABASE_RETRY_S = 5

log = structlog.get_logger()


class ProblemDocument(msgspec.Struct, omit_defaults=True):
    """RFC 9457 document; further members are described where they occur."""

    title: str
    status: int
    code: str
    type: str = "about:blank"
    detail: str = ""
    short_by: int | None = None
    retry_after_s: int | None = None
    coins: int | None = None


class Problem(Exception):
    """A refusal on its way to the caller.

    Attributes:
        status: HTTP status.
        code: Stable name of the refusal.
        title: One short sentence for people.
        detail: More about this very occurrence.
        fields: Further members of the document.
        headers: Headers of the response, for example Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str = "",
        *,
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, code, title, detail)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        return f"{self.status} {self.code}: {self.title}"

    def document(self) -> dict[str, Any]:
        """Return the members of the problem document."""
        members: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "code": self.code,
        }
        if self.detail:
            members["detail"] = self.detail
        return members | self.fields

    def response(self) -> Response:
        """Return this problem as a response."""
        headers = {"Cache-Control": "no-store", **self.headers}
        content = msgspec.json.encode(self.document())
        return Response(content, self.status, headers, MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an exception means to the caller.

    Attributes:
        title: Sentence for people; the exception's own text becomes the detail.
        told: Attributes of the exception that become members of the document.
    """

    status: int
    code: str
    title: str
    told: tuple[str, ...] = ()


MEANINGS: dict[type[Exception], Meaning] = {
    # people
    people.HandleRefused: Meaning(422, "handle_refused", "Choose another handle"),
    people.HandleTaken: Meaning(409, "handle_taken", "Choose another handle"),
    people.NameRefused: Meaning(422, "name_refused", "Choose another name"),
    people.EmailRefused: Meaning(422, "email_refused", "Check the e-mail address"),
    people.PasswordRefused: Meaning(422, "password_refused", "Choose another password"),
    people.BirthDateRefused: Meaning(422, "birth_date_refused", "Check the birth date"),
    people.BirthDateMissing: Meaning(403, "birth_date_missing", "Say your birth date first"),
    people.BirthDateAlreadySet: Meaning(409, "birth_date_set", "The birth date stands already"),
    people.TooYoung: Meaning(403, "too_young", "You are too young for this", ("age_years_min",)),
    people.WrongPassword: Meaning(401, "wrong_password", "Handle and password do not match"),
    people.OldPasswordWrong: Meaning(403, "wrong_password", "This is not your password"),
    people.Suspended: Meaning(403, "suspended", "This account is suspended", ("reason",)),
    people.LogInTooFast: Meaning(429, "too_many", "Wait a moment", ("retry_after_s",)),
    people.ResetRefused: Meaning(404, "reset_refused", "This link no longer works"),
    people.UnknownAccount: Meaning(404, "unknown_account", "Nobody here has this handle"),
    people.UnknownSession: Meaning(404, "unknown_session", "No such session"),
    people.NotOneself: Meaning(409, "not_oneself", "You cannot do this to yourself"),
    people.Blocked: Meaning(409, "blocked", "You cannot interact with this person"),
    # trust
    trust.UnknownReport: Meaning(404, "unknown_report", "There is no such report"),
    trust.ReportClosed: Meaning(409, "report_closed", "This report has been dealt with"),
    trust.UnknownSubject: Meaning(404, "unknown_subject", "There is no such thing", ("field",)),
    trust.SubjectMissing: Meaning(422, "subject_missing", "Say what is meant", ("field",)),
    trust.Protected: Meaning(403, "protected", "You cannot act on this person"),
    trust.CreatorOfRoom: Meaning(409, "creator_of_room", "End the broadcast instead"),
    # live
    live.RoomNotFound: Meaning(404, "unknown_room", "There is no such room"),
    live.RoomEnded: Meaning(409, "room_ended", "This broadcast is over"),
    live.TooManyRooms: Meaning(409, "too_many_rooms", "End another room first", ("rooms_max",)),
    live.TooManyViews: Meaning(429, "too_many_views", "No place right now", ("views_max",)),
    live.BadRoomText: Meaning(422, "bad_room_text", "Choose other words", ("field",)),
    live.Banned: Meaning(403, "banned", "You were removed from this room", ("reason",)),
    live.BadChatText: Meaning(422, "bad_text", "This message cannot be sent"),
    live.ChatTooFast: Meaning(429, "too_fast", "Slow down a little", ("retry_after_s",)),
    live.Muted: Meaning(403, "muted", "You cannot chat here for now", ("reason",)),
    live.BadSdp: Meaning(400, "bad_sdp", "The session description cannot be used"),
    live.NoCommonCodec: Meaning(422, "no_common_codec", "No common codec", ("kind", "wanted")),
    live.IceRestartRefused: Meaning(501, "no_ice_restart", "Make a new session instead"),
    live.Broadcasting: Meaning(
        409, "broadcasting", "This room is on the air already", ("retry_after_s",)
    ),
    live.NotBroadcasting: Meaning(
        409, "not_broadcasting", "Nobody is on the air yet", ("retry_after_s",)
    ),
    live.UnknownResource: Meaning(404, "unknown_session", "This session has ended"),
    live.PlaneFull: Meaning(503, "full", "No place right now", ("retry_after_s",)),
    views.BadViewToken: Meaning(401, "bad_view_token", "Ask for a new view of this room"),
    # gifts
    gifts.UnknownGift: Meaning(404, "unknown_gift", "This gift is not on the menu"),
    gifts.QuantityOutOfRange: Meaning(422, "bad_quantity", "So many cannot be sent at once"),
    gifts.PriceChanged: Meaning(409, "price_changed", "The price has changed", ("coins",)),
    gifts.GiftToOneself: Meaning(409, "gift_to_oneself", "You cannot give gifts to yourself"),
    gifts.RoomEnded: Meaning(409, "room_ended", "This broadcast has ended"),
    gifts.NotWelcome: Meaning(403, "not_welcome", "You cannot give gifts in this room"),
    gifts.SenderSuspended: Meaning(403, "suspended", "This account is suspended"),
    gifts.CreatorUnavailable: Meaning(409, "creator_unavailable", "Gifts cannot be received here"),
    gifts.InsufficientCoins: Meaning(402, "insufficient_coins", "Not enough coins", ("short_by",)),
    # wallet
    wallet.KeyReused: Meaning(409, "key_reused", "This key was used for something else"),
    wallet.UnknownPack: Meaning(404, "unknown_pack", "This pack is not sold"),
    wallet.UnknownPurchase: Meaning(404, "unknown_purchase", "You have no such purchase"),
    wallet.WrongMode: Meaning(503, "wrong_mode", "Payments are not set up here"),
    wallet.BadSignature: Meaning(400, "bad_signature", "Not signed by Stripe"),
    wallet.BadEvent: Meaning(400, "bad_event", "Not an event of Stripe's"),
    wallet.StripeRefused: Meaning(502, "payment_refused", "The payment could not be prepared"),
    wallet.StripeUnavailable: Meaning(503, "payments_unavailable", "Payments do not answer"),
    wallet.WriterBusy: Meaning(503, "overloaded", "Too much at once: try again"),
    wallet.WriterStopped: Meaning(503, "writer_stopped", "Nothing can be changed right now"),
    wallet.CommitFailed: Meaning(503, "commit_failed", "Ask again: it may not have been kept"),
}


def problem_of(error: Exception) -> Problem | None:
    """Return the problem ``error`` stands for, or None if it is a bug of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, OperationalError):
        # Its text holds the statement: for the log, in one line, and for nobody else.
        log.error("database_failed", reason=str(error.orig).partition("\n")[0])
        headers = {"Retry-After": str(DATABASE_RETRY_S)}
        title = "The database does not answer: try again"
        return Problem(503, "database_unavailable", title, headers=headers)
    for kind in type(error).__mro__:
        meaning = MEANINGS.get(kind)
        if meaning is not None:
            told = {name: getattr(error, name) for name in meaning.told}
            headers = {}
            if "retry_after_s" in told:
                headers["Retry-After"] = str(told["retry_after_s"])
            return Problem(
                meaning.status,
                meaning.code,
                meaning.title,
                str(error),
                fields=told,
                headers=headers,
            )
    return None


async def http_exception(_request: Request[Any], error: Exception) -> Response:
    """Answer Starlette's own refusals (404, 405) as problem documents."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return Problem(
        error.status_code, code, error.detail, headers=dict(error.headers or {})
    ).response()


async def database_away(_request: Request[Any], error: Exception) -> Response:
    """Answer that the database could not do what it was asked."""
    problem = problem_of(error)
    assert problem is not None
    return problem.response()


async def bug(_request: Request[Any], _error: Exception) -> Response:
    """Answer an exception nobody foresaw; the log has the traceback."""
    return Problem(500, "internal_error", "Something broke on our side").response()
