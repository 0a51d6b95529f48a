"""The tables of gifts. Coin plane, but only projections: the journal is the truth.

All three change in the transaction that commits a gift, and ``gifts.sending.rebuild`` makes them
again from the journal.

Units   coins and diamonds: whole ones. ``gifts``: single gifts, so an order of ten roses is ten.
        ``*_at``: microseconds since 1970-01-01 UTC in the database.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, MetaData, String, Table

from wallet.tables import Moment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Where in the journal a gift stands, for whoever looks for one room's or one creator's.
received = Table(
    "gifts_received",
    metadata,
    Column("room_id", String(32), primary_key=True),
    Column("chain", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("creator_id", String(32), nullable=False),
    Index(None, "creator_id", "chain", "sequence"),
    sqlite_with_rowid=False,
)

# What each person gave in each room.
supporters = Table(
    "gifts_supporters",
    metadata,
    Column("room_id", String(32), primary_key=True),
    Column("sender_id", String(32), primary_key=True),
    Column("gifts", BigInteger, nullable=False),
    Column("coins", BigInteger, nullable=False),
    Column("reached_at", Moment, nullable=False),  # since when it is this many coins
    CheckConstraint("gifts > 0 AND coins > 0", name="given"),
)
Index(
    "ix_gifts_supporters_board",
    supporters.c.room_id,
    supporters.c.coins.desc(),
    supporters.c.reached_at,
)

# What each room received.
totals = Table(
    "gifts_totals",
    metadata,
    Column("room_id", String(32), primary_key=True),
    Column("gifts", BigInteger, nullable=False),
    Column("coins", BigInteger, nullable=False),
    Column("diamonds", BigInteger, nullable=False),
    CheckConstraint("gifts > 0 AND coins > 0 AND diamonds >= 0", name="received"),
)
