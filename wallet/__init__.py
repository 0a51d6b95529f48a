"""Coins: exact and durable. Nothing here knows media, rooms or pages; see LEDGER.md."""
