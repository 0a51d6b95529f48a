"""The tables of rooms, channels, room manners and the chat log.

BUS plane: rows here are written when people act, never per packet or per frame delivered.

Units   columns ending in ``_at`` are moments (aware UTC in Python, microseconds since the epoch in
        the database); ``live_ms`` is milliseconds.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as whole microseconds since 1970 on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Turn an aware datetime into microseconds."""
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn microseconds into an aware datetime."""
        return None if value is None else EPOCH + value * MICROSECOND


rooms = Table(
    "live_rooms",
    metadata,
    Column("room_id", String(12), primary_key=True),
    Column("creator_id", String(32), nullable=False),
    Column("title", String(100), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("state", String(5), nullable=False),
    # SHA-256 of the stream key; NULL in a room opened by its creator's channel key.
    Column("stream_key_hash", String(64)),
    Column("opened_at", Moment, nullable=False),
    Column("live_at", Moment),  # media arrives since; NULL while none does
    Column("idle_at", Moment),  # no media since; NULL while some arrives
    Column("ended_at", Moment),
    Column("end_reason", String(200)),
    Column("live_ms", BigInteger, nullable=False),  # finished stretches of media, summed
    Column("peak_viewer_count", Integer, nullable=False),
    Column("view_count", BigInteger, nullable=False),
    Column("like_count", BigInteger, nullable=False),
    CheckConstraint("state IN ('open', 'live', 'ended')", name="state"),
    CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at"),
    CheckConstraint("(state = 'live') = (live_at IS NOT NULL)", name="live_at"),
    Index(None, "creator_id", "opened_at"),
    Index(None, "state", "idle_at"),
)

channel_keys = Table(
    "live_channel_keys",
    metadata,
    Column("creator_id", String(32), primary_key=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("hint", String(8), nullable=False),  # the last characters, so that a person knows it
    Column("made_at", Moment, nullable=False),
)

bans = Table(
    "live_bans",
    metadata,
    Column("creator_id", String(32), primary_key=True),  # holds in all rooms of this creator
    Column("account_id", String(32), primary_key=True),
    Column("by_id", String(32), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("made_at", Moment, nullable=False),
    Index(None, "account_id"),
)

mutes = Table(
    "live_mutes",
    metadata,
    Column("creator_id", String(32), primary_key=True),
    Column("account_id", String(32), primary_key=True),
    Column("by_id", String(32), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("until", Moment),  # NULL: until somebody takes it back
    Index(None, "account_id"),
)

chat = Table(
    "live_chat",
    metadata,
    Column("message_id", String(32), primary_key=True),
    Column("room_id", String(12), ForeignKey("live_rooms.room_id"), nullable=False),
    Column("account_id", String(32), nullable=False),
    Column("key", String(64), nullable=False),  # made by the sender's client
    Column("text", Text, nullable=False),
    Column("sent_at", Moment, nullable=False),
    Column("shown", Integer, nullable=False),  # 0: shaped away, seen by its sender only
    Column("deleted_at", Moment),
    Column("deleted_by_id", String(32)),
    CheckConstraint("shown IN (0, 1)", name="shown"),
    CheckConstraint("(deleted_at IS NULL) = (deleted_by_id IS NULL)", name="deleted"),
    UniqueConstraint("room_id", "account_id", "key"),
    Index(None, "room_id", "sent_at"),
    Index(None, "account_id", "sent_at"),
    Index(None, "sent_at"),
)
