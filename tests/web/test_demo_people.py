"""Who plays in the demo, and where its secrets lie."""

from pathlib import Path

from web.demo_people import BOTS, CAST, Cast, read_cast, write_cast
from web.people.roles import ROLES


def test_the_four_people_of_the_bar_are_all_there_and_only_once() -> None:
    assert sorted(part.who for part in CAST if part.who) == [
        "creator",
        "finance",
        "moderator",
        "viewer",
    ]


def test_handles_are_unique_and_roles_exist() -> None:
    assert len({part.handle for part in CAST}) == len(CAST)
    assert {role for part in CAST for role in part.roles} <= set(ROLES)


def test_between_six_and_ten_viewers_fill_the_room() -> None:
    assert 6 <= len(BOTS) <= 10


def test_what_is_written_is_read_and_nobody_else_may(tmp_path: Path) -> None:
    cast = Cast("a password", "room", "key", is_viewer_rich=True)

    write_cast(tmp_path, cast)

    assert read_cast(tmp_path) == cast
    assert (tmp_path / "cast.json").stat().st_mode & 0o777 == 0o600


def test_the_first_time_nothing_is_remembered(tmp_path: Path) -> None:
    assert read_cast(tmp_path) is None


def test_a_broken_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "cast.json").write_text("{")

    assert read_cast(tmp_path) is None
