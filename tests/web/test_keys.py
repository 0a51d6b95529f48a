"""Names and keys nobody guesses."""

import re

from web import keys


def test_a_room_id_is_twelve_lower_case_base32_characters() -> None:
    made = {keys.new_room_id() for _ in range(100)}

    assert len(made) == 100
    assert all(re.fullmatch("[a-z2-7]{12}", room_id) for room_id in made)


def test_a_key_is_long_and_only_its_hash_is_kept() -> None:
    key = keys.new_key()

    assert len(key) == 32
    assert key != keys.new_key()
    assert re.fullmatch("[0-9a-f]{64}", keys.key_hash(key))
    assert keys.key_hash(key) != keys.key_hash(key + "x")
    assert key.endswith(keys.hint(key))
    assert len(keys.hint(key)) == 4
