"""A room's stream: numbers, classes, history, and the truth about what was missed."""

import itertools
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from live import channel
from live.channel import P0, P1, P2, P3, Batch, Channel, Class, Frame, Position


def a_channel() -> Channel:
    epochs = itertools.count(1)
    return Channel(lambda: f"epoch {next(epochs)}")


def a_frame(cls: Class, text: str = "x", *, key: str | None = None, cursor: str = "") -> Frame:
    return Frame(cls, key, text.encode(), text.encode(), cursor)


def texts(frames: tuple[Frame, ...]) -> list[str]:
    return [frame.json.decode() for frame in frames]


def told(stream: Channel, now: float = 0.0) -> Batch:
    batch = stream.close_batch(now)
    assert batch is not None
    return batch


# Numbers


def test_numbers_are_given_in_order_and_without_gaps() -> None:
    stream = a_channel()
    for text in "abc":
        stream.add(a_frame(P0, text))

    first = told(stream)
    stream.add(a_frame(P1, "d"))
    second = told(stream)

    assert (first.first, texts(first.numbered)) == (1, ["a", "b", "c"])
    assert (second.first, texts(second.numbered)) == (4, ["d"])
    assert stream.position == Position("epoch 1", 4)


def test_nothing_to_tell_is_no_batch() -> None:
    stream = a_channel()

    assert stream.close_batch(0.0) is None
    assert stream.due_s(0.0) is None
    assert stream.is_quiet


def test_a_batch_says_where_the_journal_stands() -> None:
    stream = a_channel()
    stream.add(a_frame(P0, cursor="0-7"))
    stream.add(a_frame(P1))

    first = told(stream)
    stream.add(a_frame(P1))
    second = told(stream)

    assert (first.cursor, second.cursor, stream.cursor) == ("0-7", "0-7", "0-7")


def test_a_repeated_key_is_told_once() -> None:
    stream = a_channel()

    assert stream.add(a_frame(P0, "gift", key="posting"))
    told(stream)

    assert not stream.add(a_frame(P0, "gift", key="posting"))
    assert stream.close_batch(0.0) is None


def test_keys_are_forgotten_oldest_first() -> None:
    stream = a_channel()
    for number in range(channel.SEEN_KEYS_MAX + 1):
        stream.add(a_frame(P0, key=str(number)))

    assert stream.add(a_frame(P0, key="0"))
    assert not stream.add(a_frame(P0, key="2"))


def test_a_batch_is_bounded_in_bytes_and_the_rest_follows() -> None:
    stream = a_channel()
    for number in range(5):
        stream.add(a_frame(P0, str(number) * (channel.BATCH_BYTES_MAX // 2)))

    sizes = [len(told(stream).numbered) for _ in range(3)]

    assert sizes == [2, 2, 1]


def test_chat_beyond_its_place_in_a_tick_is_dropped_and_gifts_are_not() -> None:
    stream = a_channel()
    for number in range(channel.CHAT_PENDING_MAX):
        stream.add(a_frame(P1, key=f"chat {number}"))

    assert not stream.add(a_frame(P1, key="one more"))
    assert stream.add(a_frame(P0, key="gift"))
    assert stream.dropped_count == 1


def test_numbered_frames_that_pile_up_begin_a_new_epoch() -> None:
    stream = a_channel()
    for _ in range(channel.PENDING_MAX):
        stream.add(a_frame(P0))

    stream.add(a_frame(P0, "after"))

    assert stream.position == Position("epoch 2", 0)
    assert texts(told(stream).numbered) == ["after"]
    assert stream.since(Position("epoch 1", 0), 0.0) is None
    assert stream.dropped_count == channel.PENDING_MAX


# Values and passing notices


def test_a_value_is_its_last_one() -> None:
    stream = a_channel()
    stream.add(a_frame(P2, "1", key="likes"))
    stream.add(a_frame(P2, "2", key="likes"))

    batch = told(stream)

    assert texts(batch.unnumbered) == ["2"]
    assert (batch.first, batch.numbered, stream.position.offset) == (1, (), 0)
    assert texts(stream.values()) == ["2"]


def test_a_value_is_told_five_times_a_second_at_most() -> None:
    stream = a_channel()
    tells = 0
    for millisecond in range(1_000):
        now = millisecond / 1_000
        stream.add(a_frame(P2, str(millisecond), key="likes"))
        if stream.due_s(now) == 0.0 and stream.close_batch(now) is not None:
            tells += 1

    assert tells == 5


def test_a_value_that_must_wait_says_how_long() -> None:
    stream = a_channel()
    stream.add(a_frame(P2, "1", key="likes"))
    told(stream, now=10.0)
    stream.add(a_frame(P2, "2", key="likes"))

    assert stream.close_batch(10.1) is None
    assert round(stream.due_s(10.15) or 0.0, 3) == 0.05
    assert stream.due_s(10.3) == 0.0


def test_the_number_of_values_is_bounded() -> None:
    stream = a_channel()
    for number in range(channel.VALUE_KEYS_MAX + 1):
        stream.add(a_frame(P2, str(number), key=str(number)))

    assert len(stream.values()) == channel.VALUE_KEYS_MAX
    assert "0" not in texts(told(stream).unnumbered)


def test_join_notices_go_first() -> None:
    stream = a_channel()
    for number in range(channel.PASSING_MAX + 5):
        stream.add(a_frame(P3, str(number)))
    stream.add(a_frame(P0, "gift"))

    batch = stream.close_batch(0.0, shed=True)

    assert batch is not None
    assert (texts(batch.numbered), batch.unnumbered) == (["gift"], ())
    assert stream.dropped_count == channel.PASSING_MAX + 5


def test_join_notices_are_told_while_there_is_place() -> None:
    stream = a_channel()
    stream.add(a_frame(P3, "Ana came in"))

    assert texts(told(stream).unnumbered) == ["Ana came in"]


# Resume


def test_who_missed_nothing_is_told_nothing_and_is_recovered() -> None:
    stream = a_channel()
    stream.add(a_frame(P0))
    told(stream)

    missed = stream.since(stream.position, 0.0)

    assert missed is not None
    assert (missed.first, missed.numbered) == (2, ())


def test_an_offset_from_the_future_or_another_epoch_is_not_recovered() -> None:
    stream = a_channel()
    stream.add(a_frame(P0))
    told(stream)

    assert stream.since(Position("epoch 1", 2), 0.0) is None
    assert stream.since(Position("epoch 0", 1), 0.0) is None


def test_history_ends_with_time_count_and_size() -> None:
    by_time, by_count, by_size = a_channel(), a_channel(), a_channel()
    by_time.add(a_frame(P0))
    told(by_time, now=0.0)
    for _ in range(channel.HISTORY_FRAMES_MAX + 1):
        by_count.add(a_frame(P0))
    told(by_count)
    for _ in range(3):
        by_size.add(a_frame(P0, "x" * (channel.HISTORY_BYTES_MAX // 2)))
        told(by_size)

    assert by_time.since(Position("epoch 1", 0), channel.HISTORY_S) is not None
    assert by_time.since(Position("epoch 1", 0), channel.HISTORY_S + 0.1) is None
    assert by_time.is_quiet
    assert by_count.since(Position("epoch 1", 0), 0.0) is None
    assert by_count.since(Position("epoch 1", 1), 0.0) is not None
    assert by_size.since(Position("epoch 1", 0), 0.0) is None
    assert by_size.since(Position("epoch 1", 1), 0.0) is not None


@dataclass
class Listener:
    """A client that keeps its position as PROTOCOL.md tells it to."""

    position: Position
    heard: list[str] = field(default_factory=list)
    is_away: bool = False

    def hear(self, batch: Batch) -> None:
        assert batch.epoch == self.position.epoch
        assert not batch.numbered or batch.first == self.position.offset + 1
        self.heard += texts(batch.numbered)
        if batch.numbered:
            self.position = Position(batch.epoch, batch.first + len(batch.numbered) - 1)


class ResumeMachine(RuleBasedStateMachine):
    """Clients come and go at random; ``recovered`` is true exactly when there is no gap."""

    @initialize(frames_max=st.integers(1, 6))
    def begin(self, frames_max: int) -> None:
        self.frames_max = frames_max
        self.stream = a_channel()
        self.now = 0.0
        self.sent: list[tuple[float, str]] = []  # everything ever numbered, and when
        self.waiting: list[str] = []
        self.listeners = [Listener(self.stream.position) for _ in range(3)]

    @rule(cls=st.sampled_from([P0, P1]))
    def publish(self, cls: Class) -> None:
        text = f"{len(self.sent) + len(self.waiting)}"
        assert self.stream.add(a_frame(cls, text, key=text))
        self.waiting.append(text)

    @rule()
    def tick(self) -> None:
        batch = self.stream.close_batch(self.now)
        if batch is None:
            return
        self.sent += [(self.now, text) for text in texts(batch.numbered)]
        del self.waiting[: len(batch.numbered)]
        for listener in self.listeners:
            if not listener.is_away:
                listener.hear(batch)

    @rule(seconds=st.sampled_from([1.0, 299.0, channel.HISTORY_S]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(who=st.integers(0, 2))
    def leave(self, who: int) -> None:
        self.listeners[who].is_away = True

    @rule(who=st.integers(0, 2))
    def come_back(self, who: int) -> None:
        listener = self.listeners[who]
        if not listener.is_away:
            return
        listener.is_away = False
        gap = self.sent[listener.position.offset :]
        is_kept = all(self.now - at <= channel.HISTORY_S for at, _ in gap)

        missed = self.stream.since(listener.position, self.now)

        assert (missed is not None) == is_kept
        if missed is not None:
            listener.hear(missed)
        else:
            listener.position = self.stream.position
            listener.heard = [text for _, text in self.sent]

    @invariant()
    def whoever_is_there_has_heard_everything_once_and_in_order(self) -> None:
        for listener in getattr(self, "listeners", []):
            if not listener.is_away:
                assert listener.heard == [text for _, text in self.sent]


TestResume = ResumeMachine.TestCase
TestResume.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(
    count=st.integers(0, 40),
    offset=st.integers(0, 45),
    kept=st.integers(1, 10),
)
def test_a_replay_is_never_a_part(count: int, offset: int, kept: int) -> None:
    stream = a_channel()
    size = channel.HISTORY_BYTES_MAX // kept
    for number in range(count):
        stream.add(a_frame(P0, f"{number:03}".ljust(size)))
        told(stream)

    missed = stream.since(Position("epoch 1", offset), 0.0)

    is_known = offset <= count <= offset + kept
    assert (missed is not None) == is_known
    if missed is not None:
        assert [int(text) for text in texts(missed.numbered)] == list(range(offset, count))
