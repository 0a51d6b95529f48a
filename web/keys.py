"""Names and keys made from randomness: rooms, stream keys, channel keys.

Units   sizes in bytes of randomness before encoding.
"""

import base64
import hashlib
import secrets

ROOM_ID_BYTES = 8  # 64 bits, of which 60 fit twelve base32 characters
ROOM_ID_CHARACTERS = 12
KEY_BYTES = 24
HINT_CHARACTERS = 4


def new_room_id() -> str:
    """Return a name nobody guesses."""
    letters = base64.b32encode(secrets.token_bytes(ROOM_ID_BYTES)).decode().lower()
    return letters[:ROOM_ID_CHARACTERS]


def new_key() -> str:
    """Return a stream key or channel key."""
    return secrets.token_urlsafe(KEY_BYTES)


def key_hash(key: str) -> str:
    """Return what is stored of a key: it is random, so a fast hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def hint(key: str) -> str:
    """Return the end of a key, so that its owner knows which one it is."""
    return key[-HINT_CHARACTERS:]
