"""Safety: reports, moderation actions and their reasons."""
