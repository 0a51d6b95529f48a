"""One viewer of a room as the relay sees it, and the egress class viewers share.

Plane: media, sans I/O.
Units   counts in packets; budgets in packets per second; ``now`` is monotonic seconds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from live.ice import Address
from live.rewrite import patched

RESENDS_PER_S_MAX = 300  # what one viewer may ask for again; more is a broken path or an attack
RESEND_BURST_MAX = 600


@dataclass(frozen=True, slots=True)
class Admission:
    """One person's watching, as ``web`` admitted it.

    Attributes:
        account_id: None for a guest.
        seat: What the view may do; "viewer" only watches.
        expires_at: From then on the view ends; None never.
    """

    view_id: str
    account_id: str | None = None
    seat: str = "viewer"
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EgressClass:
    """What a viewer negotiated, as far as packets look different for it.

    Viewers of one class get the same plaintext.
    """

    video_payload_type: int | None
    send_time_id: int | None
    audio_payload_type: int | None
    tag_bytes: int

    def rendered(self, kind: str, packets: list[bytes]) -> list[bytes]:
        """Return egress ``packets`` as this class sees them; empty if it takes none of ``kind``."""
        if kind == "video":
            if self.video_payload_type is None:
                return []
            payload_type, send_time_id = self.video_payload_type, self.send_time_id
            return [patched(packet, payload_type, send_time_id) for packet in packets]
        if self.audio_payload_type is None:
            return []
        number = self.audio_payload_type
        return [patched(packet, number, None) for packet in packets]


class View:
    """One viewer.

    Attributes:
        handle: libsrtp's outgoing session.
        address: Where to send; follows the peer.
        rtx_payload_type: None: resends are byte-identical.
        video_next, audio_next: First extended sequence not sent yet, while catching up.
        estimate_bps: Last REMB, None before.
    """

    __slots__ = (
        "_resend_at",
        "_resend_budget",
        "address",
        "admission",
        "audio_next",
        "caught_up_at",
        "dropped_count",
        "egress",
        "estimate_bps",
        "handle",
        "joined_at",
        "report_at",
        "resent_count",
        "rtx_payload_type",
        "rtx_sequence",
        "video_next",
    )

    def __init__(
        self, egress: EgressClass, handle: Any, address: Address | None, admission: Admission
    ) -> None:
        self.egress = egress
        self.handle = handle
        self.address = address
        self.admission = admission
        self.rtx_payload_type: int | None = None
        self.rtx_sequence = 0
        self.video_next: int | None = None
        self.audio_next: int | None = None
        self.joined_at = self.report_at = 0.0
        self.caught_up_at: float | None = None
        self.estimate_bps: int | None = None
        self.dropped_count = 0
        self.resent_count = 0
        self._resend_budget = float(RESEND_BURST_MAX)
        self._resend_at = 0.0

    def may_resend(self, now: float) -> bool:
        """Spend one packet of the resend budget, if there is one."""
        earned = (now - self._resend_at) * RESENDS_PER_S_MAX
        self._resend_budget = min(self._resend_budget + earned, RESEND_BURST_MAX)
        self._resend_at = now
        if self._resend_budget < 1.0:
            return False
        self._resend_budget -= 1.0
        self.resent_count += 1
        return True
