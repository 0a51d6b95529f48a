"""People: accounts, sessions, roles, follows and blocks."""
