"""The database's one history: ``upgrade`` brings any database to the newest shape.

The embedded database is upgraded at every start; PostgreSQL by ``ovation migrate``, or at
start when it is empty. Ledger tables are never rebuilt, only added to.

Source  https://alembic.sqlalchemy.org/en/latest/api/commands.html
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect

import gifts.tables
import live.tables
import wallet.tables
import web.people.tables
import web.trust.tables
from web.database import open_engine

METADATA: tuple[MetaData, ...] = (
    wallet.tables.metadata,
    gifts.tables.metadata,
    live.tables.metadata,
    web.people.tables.metadata,
    web.trust.tables.metadata,
)


def alembic_config() -> Config:
    """Return Alembic's configuration; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def upgrade(url: str) -> None:
    """Bring the database at ``url`` to the newest revision; safe to run twice at once."""
    engine = open_engine(url)
    config = alembic_config()
    with engine.begin() as conn:
        if conn.dialect.name == "postgresql":  # SQLite's BEGIN IMMEDIATE already excludes others
            conn.exec_driver_sql("SELECT pg_advisory_xact_lock(7236582)")
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
    engine.dispose()


def is_current(url: str) -> bool:
    """Return whether the database at ``url`` has the newest revision."""
    engine = open_engine(url)
    with engine.connect() as conn:
        revision = MigrationContext.configure(conn).get_current_revision()
    engine.dispose()
    return revision == ScriptDirectory.from_config(alembic_config()).get_current_head()


def is_empty(url: str) -> bool:
    """Return whether nothing was ever made in the database at ``url``."""
    engine = open_engine(url)
    with engine.connect() as conn:
        found = inspect(conn).get_table_names()
    engine.dispose()
    return not found
