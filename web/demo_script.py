"""What the demo's viewers say and give, and when: an endless, varied script.

Neither plane. Pure: randomness is an argument, time is how long to wait for the next act.
Units   seconds; coins of one gift.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

CHAT_INTERVAL_S = 2.4
GIFT_INTERVALS_S = {1: 5.0, 2: 14.0, 3: 45.0, 4: 120.0}  # by tier
LIKE_INTERVAL_S = 3.0
COMBO_HITS = (1, 1, 1, 2, 3, 5, 8)
COMBO_PAUSE_S = 0.5
FIRST_GIFTS_S = {1: 1.0, 2: 5.0, 3: 12.0, 4: 28.0}  # a newcomer sees all four within half a minute

GIFTS_BY_TIER: dict[int, tuple[str, ...]] = {
    1: ("rose", "heart", "clap", "coffee", "ice-cream", "balloon", "donut", "sunflower"),
    2: ("microphone", "headphones", "bouquet", "fireworks", "guitar", "swan"),
    3: ("crown", "motorbike", "hot-air-balloon"),
    4: ("castle", "rocket"),
}

LINES = (
    "Hello everyone 👋",
    "Hi from Lisbon!",
    "Just got here, what did I miss?",
    "These colours are so calming",
    "This is the best room tonight",
    "Is that melody live? I love it",
    "Watching from the train 🚆",
    "First time here, hi!",
    "How long have you been on today?",
    "The blue part is my favourite",
    "Can you make it a bit more orange?",
    "I could watch this for hours",
    "Dinner and a stream, perfect evening",
    "Who else is from Berlin?",
    "Greetings from São Paulo 🇧🇷",
    "The clock makes me nervous 😄",
    "My cat is watching too",
    "Sound is great today",
    "Zero lag here, how?",
    "Good morning from Tokyo ☀️",
    "That transition!!",
    "You always pick the best music",
    "Sending hugs 💜",
    "I told my sister to join",
    "Anyone else on mobile?",
    "Let's get that crown!",
    "Who's collecting for the rocket?",
    "It looks like a sunset over the sea",
    "Back again, same place same time",
    "Thanks for streaming every day",
    "🔥🔥🔥",
    "haha yes",
    "Agreed!",
    "What do you use for the visuals?",
    "Hi mods, you're doing great",
    "I'm learning the guitar to this",
    "Five minutes break turned into an hour 🙈",
    "Say hi to Naples! 🍕",
    "Wow, look at that",
    "Don't stop now",
)
CHEERS = (
    "WOW {giver}!!",
    "{giver} is on fire 🔥",
    "That was huge, {giver}!",
    "👏👏👏 {giver}",
    "No way, {giver}!",
)
THANKS = (
    "Thank you {giver} for the {gift}! 💜",
    "{giver}, you are too kind — {gift}!",
    "A {gift}! Thank you so much {giver}!",
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something one of the viewers does.

    Attributes:
        wait_s: After the act before it.
        viewer: Which of them, counted from 0.
        words: What is said, or the gift that is given; empty for hearts.
        count: Hearts, or hits of a gift, one after another.
    """

    wait_s: float
    viewer: int
    kind: Literal["chat", "gift", "like"]
    words: str
    count: int = 1


def script(viewer_count: int, random: Random) -> Iterator[Act]:
    """Give acts for ever; every tier of gifts comes, dear ones seldom."""
    due: dict[str, float] = {"chat": 0.0, "like": 1.0}
    due |= {f"gift-{tier}": at for tier, at in FIRST_GIFTS_S.items()}
    now = 0.0
    lines = _shuffled(LINES, random)
    while True:
        name = min(due, key=lambda what: due[what])
        wait_s, now = due[name] - now, due[name]
        viewer = random.randrange(viewer_count)
        kind, _, tier = name.partition("-")
        if kind == "chat":
            due[name] += random.uniform(0.4, 1.6) * CHAT_INTERVAL_S
            yield Act(wait_s, viewer, "chat", next(lines))
        elif kind == "like":
            due[name] += random.uniform(0.4, 1.6) * LIKE_INTERVAL_S
            yield Act(wait_s, viewer, "like", "", random.randint(1, 12))
        else:
            due[name] += random.uniform(0.6, 1.4) * GIFT_INTERVALS_S[int(tier)]
            hits = random.choice(COMBO_HITS) if tier == "1" else 1
            yield Act(wait_s, viewer, "gift", random.choice(GIFTS_BY_TIER[int(tier)]), hits)


def cheer(giver: str, random: Random) -> str:
    """What a viewer calls out when somebody gave something dear."""
    return random.choice(CHEERS).format(giver=giver)


def thanks(giver: str, gift: str, random: Random) -> str:
    """What the creator answers to it."""
    return random.choice(THANKS).format(giver=giver, gift=gift)


def _shuffled(lines: tuple[str, ...], random: Random) -> Iterator[str]:
    """Every line once before any comes again, in another order each time."""
    while True:
        yield from random.sample(lines, len(lines))
