"""The tables of safety: what people reported and what was done about it.

``trust_actions`` is append-only and guarded by triggers: it is the statement of reasons people
may be owed years later. It holds account ids, never names.

Units   ``*_at`` are aware UTC datetimes, stored as microseconds (``Moment``).
Source  Regulation (EU) 2022/2065 (Digital Services Act), articles 16 and 17.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
)

from wallet.tables import Moment

REASON_CHARACTERS_MAX = 500
DETAIL_CHARACTERS_MAX = 1000

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

reports = Table(
    "trust_reports",
    metadata,
    Column("report_id", String(32), primary_key=True),
    Column("state", String(9), nullable=False),
    Column("reporter_id", String(32), index=True),  # null: not logged in, or since closed
    Column("room_id", String(12)),
    Column("message_id", String(64)),
    Column("account_id", String(32), index=True),  # whose room, message or account it is
    Column("reason", String(16), nullable=False),
    Column("detail", String(DETAIL_CHARACTERS_MAX), nullable=False),
    Column("reported_at", Moment, nullable=False),
    Column("closed_at", Moment),
    CheckConstraint("state IN ('open', 'acted', 'dismissed')", name="state_known"),
    CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_when_not_open"),
)
Index("ix_trust_reports_state_reported_at", reports.c.state, reports.c.reported_at)

actions = Table(
    "trust_actions",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("actor_id", String(32)),  # null: the operator, on the command line
    Column("report_id", ForeignKey(reports.c.report_id), index=True),
    Column("room_id", String(12)),
    Column("message_id", String(64)),
    Column("account_id", String(32)),  # whom it concerns
    Column("reason", String(REASON_CHARACTERS_MAX), nullable=False),
    Column("until_at", Moment),
    Column("taken_at", Moment, nullable=False),
    CheckConstraint("reason <> ''", name="reason_given"),
)
Index("ix_trust_actions_account_id_sequence", actions.c.account_id, actions.c.sequence)

# One row. Raising it takes a row lock until commit, so that actions become visible in the order
# of their sequence and whoever reads "everything past the last one I saw" misses none.
heads = Table(
    "trust_heads",
    metadata,
    Column("head_id", SmallInteger, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    CheckConstraint("head_id = 1", name="one_row"),
)

GUARDS: dict[str, tuple[str, ...]] = {
    "sqlite": (
        """CREATE TRIGGER trust_actions_no_update BEFORE UPDATE ON trust_actions
        BEGIN SELECT RAISE(ABORT, 'trust_actions is append-only'); END""",
        """CREATE TRIGGER trust_actions_no_delete BEFORE DELETE ON trust_actions
        BEGIN SELECT RAISE(ABORT, 'trust_actions is append-only'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION trust_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$""",
        """CREATE TRIGGER trust_actions_no_change BEFORE UPDATE OR DELETE ON trust_actions
        FOR EACH ROW EXECUTE FUNCTION trust_refuse_change()""",
        """CREATE TRIGGER trust_actions_no_truncate BEFORE TRUNCATE ON trust_actions
        FOR EACH STATEMENT EXECUTE FUNCTION trust_refuse_change()""",
    ),
}
