"""The first shape of every table, and the guards that keep the books append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

GUARDS: dict[str, tuple[str, ...]] = {
    "sqlite": (
        """
        CREATE TRIGGER ledger_journal_no_update BEFORE UPDATE ON ledger_journal BEGIN SELECT RAISE(ABORT, 'ledger_journal is append-only'); END
        """,
        """
        CREATE TRIGGER ledger_journal_no_delete BEFORE DELETE ON ledger_journal BEGIN SELECT RAISE(ABORT, 'ledger_journal is append-only'); END
        """,
        """
        CREATE TRIGGER ledger_transfers_no_update BEFORE UPDATE ON ledger_transfers BEGIN SELECT RAISE(ABORT, 'ledger_transfers is append-only'); END
        """,
        """
        CREATE TRIGGER ledger_transfers_no_delete BEFORE DELETE ON ledger_transfers BEGIN SELECT RAISE(ABORT, 'ledger_transfers is append-only'); END
        """,
        """
        CREATE TRIGGER trust_actions_no_update BEFORE UPDATE ON trust_actions
                BEGIN SELECT RAISE(ABORT, 'trust_actions is append-only'); END
        """,
        """
        CREATE TRIGGER trust_actions_no_delete BEFORE DELETE ON trust_actions
                BEGIN SELECT RAISE(ABORT, 'trust_actions is append-only'); END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$
        """,
        """
        CREATE TRIGGER ledger_journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_journal FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()
        """,
        """
        CREATE TRIGGER ledger_transfers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()
        """,
        """
        CREATE FUNCTION trust_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
        """,
        """
        CREATE TRIGGER trust_actions_no_change BEFORE UPDATE OR DELETE ON trust_actions
                FOR EACH ROW EXECUTE FUNCTION trust_refuse_change()
        """,
        """
        CREATE TRIGGER trust_actions_no_truncate BEFORE TRUNCATE ON trust_actions
                FOR EACH STATEMENT EXECUTE FUNCTION trust_refuse_change()
        """,
    ),
}


def upgrade() -> None:
    """Make every table, then its guards."""
    op.create_table(
        "ledger_accounts",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "balance >= 0 OR substr(name, 1, 7) <> 'viewer:'", name=op.f("ck_ledger_accounts_floor")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_ledger_accounts_name")),
    )
    op.create_table(
        "ledger_chains",
        sa.Column(
            "chain",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("head_sequence", sa.BigInteger(), nullable=False),
        sa.Column("head_hash", sa.LargeBinary(), nullable=False),
        sa.Column("named_sequence", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("head_sequence >= 1", name=op.f("ck_ledger_chains_head_sequence")),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_ledger_chains")),
    )
    op.create_table(
        "ledger_journal",
        sa.Column("chain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("effective_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("route", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("terms_hash", sa.LargeBinary(), nullable=False),
        sa.Column("refusal", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("opened", sa.LargeBinary(), nullable=False),
        sa.Column("lots", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("sequence >= 1", name=op.f("ck_ledger_journal_sequence")),
        sa.PrimaryKeyConstraint("chain", "sequence", name=op.f("pk_ledger_journal")),
    )
    op.create_index(
        op.f("ix_ledger_journal_account_id_recorded_at_chain_sequence"),
        "ledger_journal",
        ["account_id", "recorded_at", "chain", "sequence"],
        unique=False,
    )
    op.create_table(
        "ledger_keys",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("route", sa.String(length=64), nullable=False),
        sa.Column("chain", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "account_id", "route", name=op.f("pk_ledger_keys")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_lots",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("coins_id", sa.BigInteger(), nullable=False),
        sa.Column("deferred_id", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("frozen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("size > 0 AND cost >= 0", name=op.f("ck_ledger_lots_size")),
        sa.CheckConstraint(
            "spent + taken + frozen <= size AND owed <= spent",
            name=op.f("ck_ledger_lots_within_size"),
        ),
        sa.CheckConstraint(
            "spent >= 0 AND taken >= 0 AND owed >= 0 AND frozen >= 0",
            name=op.f("ck_ledger_lots_counts"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_lots")),
    )
    op.create_index(
        "ix_ledger_lots_open",
        "ledger_lots",
        ["coins_id", "id"],
        unique=False,
        sqlite_where=sa.text("size > spent + taken + frozen"),
        postgresql_where=sa.text("size > spent + taken + frozen"),
    )
    op.create_table(
        "ledger_transfers",
        sa.Column("chain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leg", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.String(length=8), nullable=False),
        sa.Column("debit_id", sa.BigInteger(), nullable=False),
        sa.Column("credit_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_ledger_transfers_amount")),
        sa.CheckConstraint("debit_id <> credit_id", name=op.f("ck_ledger_transfers_two_accounts")),
        sa.PrimaryKeyConstraint("chain", "sequence", "leg", name=op.f("pk_ledger_transfers")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "wallet_cursors",
        sa.Column("reader", sa.String(length=32), nullable=False),
        sa.Column("chain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader", "chain", name=op.f("pk_wallet_cursors")),
    )
    op.create_table(
        "wallet_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sales_micros", sa.BigInteger(), nullable=False),
        sa.Column("coins_sold", sa.BigInteger(), nullable=False),
        sa.Column("gifts_count", sa.BigInteger(), nullable=False),
        sa.Column("coins_gifted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_wallet_days")),
    )
    op.create_table(
        "wallet_disputes",
        sa.Column("dispute_id", sa.String(length=255), nullable=False),
        sa.Column("purchase_id", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_minor", sa.BigInteger(), nullable=False),
        sa.Column("reinstated_minor", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dispute_id", name=op.f("pk_wallet_disputes")),
    )
    op.create_index(
        op.f("ix_wallet_disputes_purchase_id"), "wallet_disputes", ["purchase_id"], unique=False
    )
    op.create_table(
        "wallet_events",
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=128), nullable=False),
        sa.Column("purchase_id", sa.String(length=64), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_wallet_events")),
    )
    op.create_index(
        op.f("ix_wallet_events_outcome_received_at"),
        "wallet_events",
        ["outcome", "received_at"],
        unique=False,
    )
    op.create_table(
        "wallet_mode",
        sa.Column("only", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint('"only" = 1', name=op.f("ck_wallet_mode_one_row")),
        sa.PrimaryKeyConstraint("only", name=op.f("pk_wallet_mode")),
    )
    op.create_table(
        "wallet_purchases",
        sa.Column("purchase_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("terms", sa.String(length=255), nullable=False),
        sa.Column("pack_id", sa.String(length=32), nullable=False),
        sa.Column("coins", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.Column("checks_count", sa.Integer(), nullable=False),
        sa.Column("intent_id", sa.String(length=255), nullable=True),
        sa.Column("failure_code", sa.String(length=64), nullable=True),
        sa.Column("paid_at", sa.BigInteger(), nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("lot_id", sa.BigInteger(), nullable=True),
        sa.Column("postings_count", sa.Integer(), nullable=False),
        sa.Column("clawed_coins", sa.BigInteger(), nullable=False),
        sa.Column("is_frozen", sa.Boolean(), nullable=False),
        sa.Column("refunded_posted_minor", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_posted_minor", sa.BigInteger(), nullable=False),
        sa.Column("lost_posted_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_returned_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "amount_minor > 0 AND coins > 0", name=op.f("ck_wallet_purchases_amount")
        ),
        sa.CheckConstraint(
            "clawed_coins >= 0 AND clawed_coins <= coins", name=op.f("ck_wallet_purchases_clawed")
        ),
        sa.CheckConstraint(
            "tax_minor >= 0 AND tax_minor < amount_minor", name=op.f("ck_wallet_purchases_tax")
        ),
        sa.PrimaryKeyConstraint("purchase_id", name=op.f("pk_wallet_purchases")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_wallet_purchases_account_id_key")),
        sa.UniqueConstraint("intent_id", name=op.f("uq_wallet_purchases_intent_id")),
    )
    op.create_index(
        op.f("ix_wallet_purchases_account_id_requested_at"),
        "wallet_purchases",
        ["account_id", "requested_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_wallet_purchases_check_at"), "wallet_purchases", ["check_at"], unique=False
    )
    op.create_table(
        "wallet_sandbox_deliveries",
        sa.Column("event_id", sa.String(length=255), nullable=False),
        sa.Column("attempts_count", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_wallet_sandbox_deliveries")),
    )
    op.create_index(
        op.f("ix_wallet_sandbox_deliveries_next_at"),
        "wallet_sandbox_deliveries",
        ["next_at"],
        unique=False,
    )
    op.create_table(
        "wallet_sandbox_keys",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("asked_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_wallet_sandbox_keys")),
    )
    op.create_table(
        "wallet_sandbox_objects",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("object", sa.String(length=32), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_wallet_sandbox_objects")),
        sa.UniqueConstraint("object_id", name=op.f("uq_wallet_sandbox_objects_object_id")),
    )
    op.create_index(
        op.f("ix_wallet_sandbox_objects_object_position"),
        "wallet_sandbox_objects",
        ["object", "position"],
        unique=False,
    )
    op.create_table(
        "wallet_verifications",
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("is_ok", sa.Boolean(), nullable=False),
        sa.Column("postings_count", sa.BigInteger(), nullable=False),
        sa.Column("complaints", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_wallet_verifications")),
    )
    op.create_table(
        "gifts_received",
        sa.Column("room_id", sa.String(length=32), nullable=False),
        sa.Column("chain", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("creator_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("room_id", "chain", "sequence", name=op.f("pk_gifts_received")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_gifts_received_creator_id_chain_sequence"),
        "gifts_received",
        ["creator_id", "chain", "sequence"],
        unique=False,
    )
    op.create_table(
        "gifts_supporters",
        sa.Column("room_id", sa.String(length=32), nullable=False),
        sa.Column("sender_id", sa.String(length=32), nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("coins", sa.BigInteger(), nullable=False),
        sa.Column("reached_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("gifts > 0 AND coins > 0", name=op.f("ck_gifts_supporters_given")),
        sa.PrimaryKeyConstraint("room_id", "sender_id", name=op.f("pk_gifts_supporters")),
    )
    op.create_index(
        "ix_gifts_supporters_board",
        "gifts_supporters",
        ["room_id", sa.literal_column("coins DESC"), "reached_at"],
        unique=False,
    )
    op.create_table(
        "gifts_totals",
        sa.Column("room_id", sa.String(length=32), nullable=False),
        sa.Column("gifts", sa.BigInteger(), nullable=False),
        sa.Column("coins", sa.BigInteger(), nullable=False),
        sa.Column("diamonds", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "gifts > 0 AND coins > 0 AND diamonds >= 0", name=op.f("ck_gifts_totals_received")
        ),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_gifts_totals")),
    )
    op.create_table(
        "live_bans",
        sa.Column("creator_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("by_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", "account_id", name=op.f("pk_live_bans")),
    )
    op.create_index(op.f("ix_live_bans_account_id"), "live_bans", ["account_id"], unique=False)
    op.create_table(
        "live_channel_keys",
        sa.Column("creator_id", sa.String(length=32), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=8), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("creator_id", name=op.f("pk_live_channel_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_live_channel_keys_key_hash")),
    )
    op.create_table(
        "live_mutes",
        sa.Column("creator_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("by_id", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("creator_id", "account_id", name=op.f("pk_live_mutes")),
    )
    op.create_index(op.f("ix_live_mutes_account_id"), "live_mutes", ["account_id"], unique=False)
    op.create_table(
        "live_rooms",
        sa.Column("room_id", sa.String(length=12), nullable=False),
        sa.Column("creator_id", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=5), nullable=False),
        sa.Column("stream_key_hash", sa.String(length=64), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("live_at", sa.BigInteger(), nullable=True),
        sa.Column("idle_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.String(length=200), nullable=True),
        sa.Column("live_ms", sa.BigInteger(), nullable=False),
        sa.Column("peak_viewer_count", sa.Integer(), nullable=False),
        sa.Column("view_count", sa.BigInteger(), nullable=False),
        sa.Column("like_count", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_live_rooms_ended_at")
        ),
        sa.CheckConstraint(
            "(state = 'live') = (live_at IS NOT NULL)", name=op.f("ck_live_rooms_live_at")
        ),
        sa.CheckConstraint("state IN ('open', 'live', 'ended')", name=op.f("ck_live_rooms_state")),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_live_rooms")),
    )
    op.create_index(
        op.f("ix_live_rooms_creator_id_opened_at"),
        "live_rooms",
        ["creator_id", "opened_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_live_rooms_state_idle_at"), "live_rooms", ["state", "idle_at"], unique=False
    )
    op.create_table(
        "live_chat",
        sa.Column("message_id", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=12), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_by_id", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "(deleted_at IS NULL) = (deleted_by_id IS NULL)", name=op.f("ck_live_chat_deleted")
        ),
        sa.CheckConstraint("shown IN (0, 1)", name=op.f("ck_live_chat_shown")),
        sa.ForeignKeyConstraint(
            ["room_id"], ["live_rooms.room_id"], name=op.f("fk_live_chat_room_id")
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_live_chat")),
        sa.UniqueConstraint(
            "room_id", "account_id", "key", name=op.f("uq_live_chat_room_id_account_id_key")
        ),
    )
    op.create_index(
        op.f("ix_live_chat_account_id_sent_at"),
        "live_chat",
        ["account_id", "sent_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_live_chat_room_id_sent_at"), "live_chat", ["room_id", "sent_at"], unique=False
    )
    op.create_index(op.f("ix_live_chat_sent_at"), "live_chat", ["sent_at"], unique=False)
    op.create_table(
        "people_accounts",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("handle", sa.String(length=24), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("display_name", sa.String(length=120), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("suspended_at", sa.BigInteger(), nullable=True),
        sa.Column("suspended_reason", sa.String(length=500), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(handle IS NULL) = (closed_at IS NOT NULL)",
            name=op.f("ck_people_accounts_closed_has_no_handle"),
        ),
        sa.CheckConstraint(
            "(suspended_at IS NULL) = (suspended_reason IS NULL)",
            name=op.f("ck_people_accounts_suspended_with_reason"),
        ),
        sa.CheckConstraint(
            "closed_at IS NULL OR (password_hash IS NULL AND display_name IS NULL AND email IS NULL AND birth_date IS NULL)",
            name=op.f("ck_people_accounts_closed_is_erased"),
        ),
        sa.CheckConstraint(
            "handle = lower(handle)", name=op.f("ck_people_accounts_handle_lower_case")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_people_accounts")),
        sa.UniqueConstraint("handle", name=op.f("uq_people_accounts_handle")),
    )
    op.create_index(op.f("ix_people_accounts_email"), "people_accounts", ["email"], unique=False)
    op.create_table(
        "people_retired_handles",
        sa.Column("handle_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("handle_hash", name=op.f("pk_people_retired_handles")),
    )
    op.create_table(
        "people_blocks",
        sa.Column("blocker_id", sa.String(length=32), nullable=False),
        sa.Column("blocked_id", sa.String(length=32), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("blocker_id <> blocked_id", name=op.f("ck_people_blocks_not_oneself")),
        sa.ForeignKeyConstraint(
            ["blocked_id"],
            ["people_accounts.account_id"],
            name=op.f("fk_people_blocks_blocked_id_people_accounts"),
        ),
        sa.ForeignKeyConstraint(
            ["blocker_id"],
            ["people_accounts.account_id"],
            name=op.f("fk_people_blocks_blocker_id_people_accounts"),
        ),
        sa.PrimaryKeyConstraint("blocker_id", "blocked_id", name=op.f("pk_people_blocks")),
    )
    op.create_index(
        op.f("ix_people_blocks_blocked_id"), "people_blocks", ["blocked_id"], unique=False
    )
    op.create_table(
        "people_follows",
        sa.Column("follower_id", sa.String(length=32), nullable=False),
        sa.Column("followed_id", sa.String(length=32), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "follower_id <> followed_id", name=op.f("ck_people_follows_not_oneself")
        ),
        sa.ForeignKeyConstraint(
            ["followed_id"],
            ["people_accounts.account_id"],
            name=op.f("fk_people_follows_followed_id_people_accounts"),
        ),
        sa.ForeignKeyConstraint(
            ["follower_id"],
            ["people_accounts.account_id"],
            name=op.f("fk_people_follows_follower_id_people_accounts"),
        ),
        sa.PrimaryKeyConstraint("follower_id", "followed_id", name=op.f("pk_people_follows")),
    )
    op.create_index(
        op.f("ix_people_follows_followed_id"), "people_follows", ["followed_id"], unique=False
    )
    op.create_table(
        "people_resets",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["people_accounts.account_id"],
            name=op.f("fk_people_resets_account_id_people_accounts"),
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_people_resets")),
    )
    op.create_index(
        op.f("ix_people_resets_account_id"), "people_resets", ["account_id"], unique=False
    )
    op.create_index("ix_people_resets_expires_at", "people_resets", ["expires_at"], unique=False)
    op.create_table(
        "people_roles",
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "role IN ('moderator', 'finance-maker', 'finance-checker', 'admin')",
            name=op.f("ck_people_roles_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["people_accounts.account_id"],
            name=op.f("fk_people_roles_account_id_people_accounts"),
        ),
        sa.PrimaryKeyConstraint("account_id", "role", name=op.f("pk_people_roles")),
    )
    op.create_table(
        "people_sessions",
        sa.Column("session_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["people_accounts.account_id"],
            name=op.f("fk_people_sessions_account_id_people_accounts"),
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_people_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_people_sessions_token_hash")),
    )
    op.create_index(
        op.f("ix_people_sessions_account_id"), "people_sessions", ["account_id"], unique=False
    )
    op.create_index(
        "ix_people_sessions_expires_at", "people_sessions", ["expires_at"], unique=False
    )
    op.create_table(
        "trust_heads",
        sa.Column("head_id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.CheckConstraint("head_id = 1", name=op.f("ck_trust_heads_one_row")),
        sa.PrimaryKeyConstraint("head_id", name=op.f("pk_trust_heads")),
    )
    op.create_table(
        "trust_reports",
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=9), nullable=False),
        sa.Column("reporter_id", sa.String(length=32), nullable=True),
        sa.Column("room_id", sa.String(length=12), nullable=True),
        sa.Column("message_id", sa.String(length=64), nullable=True),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(length=1000), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (closed_at IS NULL)",
            name=op.f("ck_trust_reports_closed_when_not_open"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'acted', 'dismissed')", name=op.f("ck_trust_reports_state_known")
        ),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_trust_reports")),
    )
    op.create_index(
        op.f("ix_trust_reports_account_id"), "trust_reports", ["account_id"], unique=False
    )
    op.create_index(
        op.f("ix_trust_reports_reporter_id"), "trust_reports", ["reporter_id"], unique=False
    )
    op.create_index(
        "ix_trust_reports_state_reported_at",
        "trust_reports",
        ["state", "reported_at"],
        unique=False,
    )
    op.create_table(
        "trust_actions",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.String(length=32), nullable=True),
        sa.Column("report_id", sa.String(length=32), nullable=True),
        sa.Column("room_id", sa.String(length=12), nullable=True),
        sa.Column("message_id", sa.String(length=64), nullable=True),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=True),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_trust_actions_reason_given")),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["trust_reports.report_id"],
            name=op.f("fk_trust_actions_report_id_trust_reports"),
        ),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_trust_actions")),
    )
    op.create_index(
        "ix_trust_actions_account_id_sequence",
        "trust_actions",
        ["account_id", "sequence"],
        unique=False,
    )
    op.create_index(
        op.f("ix_trust_actions_report_id"), "trust_actions", ["report_id"], unique=False
    )
    conn = op.get_bind()
    for statement in GUARDS[conn.dialect.name]:
        conn.exec_driver_sql(statement, execution_options={"no_parameters": True})
