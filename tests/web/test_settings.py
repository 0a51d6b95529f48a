from pathlib import Path

import pytest

from web.settings import BadSettings, dangers, documented, load_secret, read_settings


def test_nothing_set_gives_a_server_for_one_laptop() -> None:
    settings = read_settings({})

    assert (settings.host, settings.port, settings.media_port) == ("127.0.0.1", 8000, 8000)
    assert settings.is_embedded
    assert settings.uses_sandbox
    assert not settings.livemode


def test_every_complaint_is_made_at_once() -> None:
    environ = {"OVATION_PORT": "http", "OVATION_DATABASE_URL": "mysql://x", "OVATION_PROT": "1"}

    with pytest.raises(BadSettings) as caught:
        read_settings(environ)

    assert len(caught.value.complaints) == 3
    assert "OVATION_PROT: no such setting" in str(caught.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"OVATION_PROCESSES": "2"},
        {"OVATION_PORT": "65536"},
        {"OVATION_SANDBOX": "perhaps"},
        {"OVATION_PUBLIC_URL": "live.example"},
        {"OVATION_TRUSTED_PROXIES": "10.0.0.0/33"},
        {"OVATION_STRIPE_SECRET_KEY": "sk_test_1"},
    ],
)
def test_what_cannot_work_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(BadSettings):
        read_settings(environ)


def test_a_public_server_with_private_media_addresses_is_called_dangerous() -> None:
    settings = read_settings({"OVATION_PUBLIC_URL": "https://live.example"})

    assert any("OVATION_MEDIA_HOST" in danger for danger in dangers(settings, ("10.0.0.4",)))
    assert not any("OVATION_MEDIA_HOST" in danger for danger in dangers(settings, ("8.8.8.8",)))


def test_the_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = read_settings({"OVATION_DATABASE_URL": f"sqlite:///{tmp_path}/var/ovation.db"})

    first = load_secret(settings)

    assert load_secret(settings) == first
    assert (tmp_path / "var/secret-key").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_is_set_is_used() -> None:
    assert load_secret(read_settings({"OVATION_SECRET_KEY": "s"})) == "s"


def test_every_setting_is_documented() -> None:
    assert all(name.startswith("OVATION_") and doc for name, _, doc in documented())
