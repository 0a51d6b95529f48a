"""The AsyncAPI document is valid, complete, and true of what is sent."""

from typing import Any

import jsonschema
import msgspec
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from live.bus import Batch
from tests.web.test_frames import CHAT, GIFT
from web import asyncapi, frames, wire

DOCUMENT = msgspec.json.decode(msgspec.json.encode(asyncapi.document()))
KINDS = (*frames.SENDABLE, *frames.SERVER_FRAMES, *frames.BODIES)


def validator(name: str) -> jsonschema.Draft202012Validator:
    """Return what checks a frame against the document's own schema."""
    resource = DRAFT202012.create_resource(DOCUMENT)
    registry: Registry[Any] = Registry().with_resource("urn:ovation", resource)
    schema = {"$ref": f"urn:ovation#/components/schemas/{name}"}
    return jsonschema.Draft202012Validator(schema, registry=registry)


def resolve(reference: str) -> Any:
    """Return what a reference inside the document points at."""
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(part: Any) -> list[str]:
    """Return every reference in a part of the document."""
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for value in part.values() for found in references(value)]
    if isinstance(part, list):
        return [found for value in part for found in references(value)]
    return []


def test_the_document_has_the_members_asyncapi_3_requires() -> None:
    assert DOCUMENT["asyncapi"].startswith("3.")
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert resolve(operation["channel"]["$ref"])["address"] == "/socket"
    for message in DOCUMENT["components"]["messages"].values():
        assert {"name", "title", "summary", "contentType", "payload"} <= message.keys()


def test_every_reference_leads_somewhere() -> None:
    found = references(DOCUMENT)

    assert len(found) > len(KINDS)
    for reference in found:
        assert resolve(reference), reference


def test_every_schema_is_a_valid_one() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_frame_is_described_and_belongs_to_one_direction() -> None:
    channel = DOCUMENT["channels"]["socket"]["messages"]
    sides = {
        name: {reference["$ref"].rpartition("/")[2] for reference in operation["messages"]}
        for name, operation in DOCUMENT["operations"].items()
    }

    assert channel.keys() == {kind.__name__ for kind in KINDS}
    assert sides["send"] == {kind.__name__ for kind in frames.SENDABLE}
    assert sides["send"] | sides["receive"] == channel.keys()
    assert not sides["send"] & sides["receive"]


@pytest.mark.parametrize(
    "frame",
    [
        frames.Hello(1, "room", resume=frames.Resume("e", 1)),
        frames.SendChat(1, "k", "Hi"),
        frames.SendLike(3),
        frames.SendGift(1, "k", "rose"),
        frames.Ping(1),
        frames.Ok(1, message=CHAT),
        frames.Pong(1),
        frames.Error("too_fast", "Slow down.", 1, 2.5),
        frames.Notice("muted", "Spam."),
        frames.Balance(3),
        frames.Bye(4001, True),
        GIFT,
        CHAT,
        frames.Muted("ben", None),
        frames.RoomChanged("live", "Songs"),
        frames.Supporters((frames.Supporter("ana", "Ana", 3),)),
        frames.JoinedRoom("Ana"),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_what_is_sent_agrees_with_its_schema(frame: msgspec.Struct) -> None:
    sent = msgspec.json.decode(msgspec.json.encode(frame))

    validator(type(frame).__name__).validate(sent)


def test_a_batch_agrees_with_its_schema_and_a_strange_body_does_not() -> None:
    bodies = (frames.gift(GIFT, cursor="1"), frames.chat(CHAT))
    batch = Batch("e", 1, "1", bodies, (frames.viewers(2),))

    sent = msgspec.json.decode(wire.json_batch(batch))

    validator("BatchFrame").validate(sent)
    sent["numbered"].append({"t": "teleport"})
    with pytest.raises(jsonschema.ValidationError):
        validator("BatchFrame").validate(sent)
