"""Viewers with coins and creators with rooms, over HTTP, for tests of gifts."""

from typing import Any
from uuid import uuid4

import httpx

from tests.web.http_people import Guest, a_guest


def a_key() -> str:
    """Return a key nobody has used."""
    return str(uuid4())


def a_stage(client: httpx.Client, start: str = "creator") -> tuple[Guest, str]:
    """Return a creator and the id of their open room."""
    creator = a_guest(client, start)
    opened = creator.ask("POST", "/api/rooms", {"title": "Stage"})
    assert opened.status_code == 201, opened.text
    return creator, opened.json()["room_id"]


def a_viewer(client: httpx.Client, pack_id: str = "coins-70") -> Guest:
    """Return somebody who has bought one pack."""
    viewer = a_guest(client, "viewer")
    asked = keyed(viewer, "/api/wallet/purchases", {"pack_id": pack_id})
    assert asked.status_code == 201, asked.text
    purchase_id = asked.json()["purchase_id"]
    paid = viewer.ask("POST", f"/api/sandbox/purchases/{purchase_id}/pay", {})
    assert paid.status_code == 200, paid.text
    # The webhook may still be on its way; asking makes the server look for itself.
    bought = viewer.ask("GET", f"/api/wallet/purchases/{purchase_id}")
    assert bought.json()["status"] == "paid", bought.text
    return viewer


def keyed(who: Guest, path: str, body: object, key: str = "") -> httpx.Response:
    """Post ``body`` under an idempotency key."""
    headers = {"Authorization": f"Bearer {who.token}", "Idempotency-Key": key or a_key()}
    return who.client.post(path, json=body, headers=headers)


def give(
    who: Guest, room_id: str, gift_id: str = "rose", *, key: str = "", **order: Any
) -> httpx.Response:
    """Send a gift."""
    return keyed(who, f"/api/rooms/{room_id}/gifts", {"gift_id": gift_id, **order}, key)


def wallet_of(who: Guest) -> dict[str, Any]:
    """Return what somebody has."""
    shown = who.ask("GET", "/api/wallet")
    assert shown.status_code == 200, shown.text
    found: dict[str, Any] = shown.json()
    return found
