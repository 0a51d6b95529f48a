"""Starting refuses what cannot work; stopping lets people go."""

import os
import signal
import socket
from pathlib import Path

import httpx

from tests.conftest import Server, free_port


def test_a_second_server_on_the_same_file_is_refused(server: Server) -> None:
    second = Server(server.folder, free_port())

    refused = second.run("serve")

    assert refused.returncode == 1
    assert "another server already runs on" in refused.stderr


def test_wrong_settings_are_named_all_at_once(tmp_path: Path) -> None:
    environ = {"OVATION_HOSTT": "x", "OVATION_PROCESSES": "4"}

    refused = Server(tmp_path, free_port(), environ).run("serve")

    assert refused.returncode == 2
    assert "OVATION_HOSTT: no such setting" in refused.stderr
    assert "OVATION_PROCESSES" in refused.stderr


def test_a_taken_port_is_one_clear_line(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()

    refused = Server(folder, server.port).run("serve")

    assert refused.returncode == 1
    assert "cannot start" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "ovation.db").write_bytes(b"letters " * 1_000)

    refused = Server(tmp_path, free_port()).run("serve")

    assert refused.returncode == 1
    assert refused.stderr.startswith("cannot start: the database says: ")
    assert "Traceback" not in refused.stderr


def test_a_database_that_is_away_is_one_clear_line(tmp_path: Path) -> None:
    environ = {"OVATION_DATABASE_URL": f"postgresql://ovation@127.0.0.1:{free_port()}/away"}

    refused = Server(tmp_path, free_port(), environ).run("serve")

    assert refused.returncode == 1
    assert refused.stderr.startswith("cannot start: the database says: ")
    assert "Traceback" not in refused.stderr


def test_a_taken_media_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 0))
        taken = {"OVATION_MEDIA_PORT": str(other.getsockname()[1])}

        refused = Server(tmp_path, free_port(), taken).run("serve")

    assert refused.returncode == 1
    assert "OVATION_MEDIA_PORT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_sigterm_ends_an_idle_server_cleanly(tmp_path: Path) -> None:
    running = Server(tmp_path, free_port()).start()
    assert running.process is not None

    running.process.send_signal(signal.SIGTERM)

    assert running.process.wait(timeout=30) == 0


def test_a_live_key_on_a_database_of_test_purchases_is_refused(tmp_path: Path) -> None:
    running = Server(tmp_path, free_port()).start()
    who = {"handle": "buyer", "password": "only for this test 4711"}
    with httpx.Client(base_url=running.url) as http:
        http.post("/api/accounts", json=who | {"birth_date": "1980-01-01"}).raise_for_status()
        token = http.post("/api/sessions", json=who).json()["token"]
        pack = http.get("/api/wallet/packs").json()["packs"][0]["pack_id"]
        http.post(
            "/api/wallet/purchases",
            json={"pack_id": pack},
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "first"},
        ).raise_for_status()
    running.stop()
    live = {
        "OVATION_STRIPE_SECRET_KEY": "sk_live_not_a_real_one",
        "OVATION_STRIPE_WEBHOOK_SECRET": "whsec_not_a_real_one",
        "OVATION_STRIPE_PUBLISHABLE_KEY": "pk_live_not_a_real_one",
    }

    refused = Server(tmp_path, free_port(), live).run("serve")

    assert refused.returncode == 1
    assert "test" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_secret_of_a_server_is_its_own(server: Server) -> None:
    assert os.stat(server.folder / "var/secret-key").st_mode & 0o777 == 0o600
