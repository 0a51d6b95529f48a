"""The demo's broadcast: flowing colours, a clock, a quiet melody; drawn once, kept in a file.

Plane   media. Blocking, and some seconds of CPU the first time.
Units   ``t`` in the drawings is seconds since the recording began. Every movement comes back to
        its start within ``DURATION_S``, so that nobody sees or hears where the loop closes.
"""

import hashlib
from pathlib import Path

import msgspec

from live.client_pattern import Pattern, record
from live.client_source import Recording

DURATION_S = 12
WIDTH, HEIGHT = 576, 1024  # upright, as people hold their telephones
CLOCK_TOP = 250  # above the middle: chat and gifts cover the lower half on telephones
CANVAS = "36x64"  # colours flow on few pixels; scaling them up makes them soft
FILE_BYTES_MAX = 32 * 1024 * 1024

# Which of the seven segments of a digit shine, from the top clockwise, the middle one last.
SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
PENTATONIC = (0, 7, 12, 16, 19, 16, 12, 7, -3, 4, 9, 12, 16, 12, 9, 4)  # half tones above A3

_DECODER = msgspec.msgpack.Decoder(Recording)


def demo_recording(folder: Path) -> Recording:
    """Return the recording kept in ``folder``; draw it first if it is not there."""
    drawn = pattern()
    digest = hashlib.sha256(repr(drawn).encode()).hexdigest()
    path = folder / f"pattern-{digest[:12]}.msgpack"
    if path.is_file() and path.stat().st_size <= FILE_BYTES_MAX:
        try:
            return _DECODER.decode(path.read_bytes())
        except msgspec.DecodeError:
            pass  # cut short: draw it again
    recording = record(drawn)
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.msgpack.encode(recording))
    part.replace(path)
    return recording


def pattern() -> Pattern:
    """What the demo's creator shows."""
    return Pattern(
        drawing=",".join([_colours(), *_clock(), *_bars()]),
        melody=f"aevalsrc=exprs={_escaped(_left())}|{_escaped(_right())}:s=48000",
        width=WIDTH,
        height=HEIGHT,
        video_bps=900_000,
        audio_bps=64_000,
        duration_s=DURATION_S,
        burst_ms=1_000,
        preset="superfast",
    )


def _colours() -> str:
    """Three waves of colour that wander over each other."""
    turn = f"2*PI*T/{DURATION_S}"
    red = f"120+90*sin(6*X/W+2*{turn})*cos(3*Y/H-{turn})"
    green = f"70+60*sin(5*Y/H-3*{turn}+sin(4*X/W+{turn}))"
    blue = f"150+90*cos(4*(X/W+Y/H)+2*{turn})"
    drawn = f"geq=r={_escaped(red)}:g={_escaped(green)}:b={_escaped(blue)}"
    scaled = f"scale={WIDTH}:{HEIGHT}:flags=bicubic"
    return f"color=c=black:s={CANVAS}:r=30,format=gbrp,{drawn},{scaled},format=yuv420p"


def _clock() -> list[str]:
    """Two digits of seconds and one of tenths, each made of seven bars that are on or off."""
    units = (("floor(t/10)", 108), ("mod(floor(t),10)", 228), ("mod(floor(t*10),10)", 372))
    strokes = []
    for digit, left in units:
        for name, (x, y, width, height) in _segments(left, CLOCK_TOP).items():
            shining = "+".join(
                f"eq({digit},{number})" for number, on in enumerate(SEGMENTS) if name in on
            )
            strokes.append(
                f"drawbox=x={x}:y={y}:w={width}:h={height}:color=white@0.92:t=fill"
                f":enable={_escaped(shining)}"
            )
    strokes.append(f"drawbox=x=340:y={CLOCK_TOP + 156}:w=16:h=16:color=white@0.92:t=fill")
    return strokes


def _segments(left: int, top: int) -> dict[str, tuple[int, int, int, int]]:
    """Places (x, y, width, height) of a digit's bars."""
    width, height, thick = 96, 172, 16
    half = height // 2
    return {
        "a": (left, top, width, thick),
        "b": (left + width - thick, top, thick, half),
        "c": (left + width - thick, top + half, thick, half),
        "d": (left, top + height - thick, width, thick),
        "e": (left, top + half, thick, half),
        "f": (left, top, thick, half),
        "g": (left, top + half - thick // 2, width, thick),
    }


def _bars() -> list[str]:
    """A row of lights that runs once round per second, in step with the melody."""
    return [
        f"drawbox=x={132 + 80 * beat}:y={CLOCK_TOP + 220}:w=56:h=12:color=white@0.7:t=fill"
        f":enable={_escaped(f'eq(mod(floor(t*4),4),{beat})')}"
        for beat in range(4)
    ]


def _melody() -> str:
    """Plucked notes, four per second, that go up and down a pentatonic scale."""
    beat = "mod(floor(t*4),16)"
    semitones = "+".join(f"eq({beat},{at})*({tone})" for at, tone in enumerate(PENTATONIC))
    since = "mod(t,0.25)"
    pitch = f"220*pow(2,({semitones})/12)"
    shape = f"exp(-9*{since})*(1-exp(-300*{since}))*min(1,80*(0.25-{since}))"
    return f"0.16*sin(2*PI*{pitch}*{since})*{shape}"


def _pad(hertz: int) -> str:
    """A quiet tone that breathes twice in a round; whole hertz close the loop without a click."""
    return f"0.04*sin(2*PI*{hertz}*t)*(1+0.5*sin(4*PI*t/{DURATION_S}))"


def _left() -> str:
    return f"{_melody()}+{_pad(110)}+{_pad(165)}"


def _right() -> str:
    return f"{_melody()}+{_pad(110)}+{_pad(220)}"


def _escaped(expression: str) -> str:
    """Guard the commas of an expression, which part the filters of a drawing."""
    return expression.replace(",", "\\,")
