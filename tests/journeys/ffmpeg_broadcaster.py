"""A broadcaster that is FFmpeg itself: its WHIP muxer, in a process of its own.

``python -m tests.journeys.ffmpeg_broadcaster WHIP_URL KEY SECONDS`` publishes a test picture at
30 frames per second with a tone, then prints how many frames it sent.

FFmpeg's muxer makes a certificate on a curve that OpenSSL 4 refuses, so it is given one on P-256.
"""

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
from av.filter import Graph
from av.video.frame import PictureType
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

FRAMES_PER_S = 30
SAMPLES = 960
SAMPLES_PER_S = 48_000
VIDEO_OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}


def write_certificate(folder: Path) -> dict[str, str]:
    """Write a P-256 key and certificate; return FFmpeg's options that name them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broadcaster")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return {"key_file": f"{folder}/key.pem", "cert_file": f"{folder}/certificate.pem"}


def picture_source() -> Graph:
    """Moving colours."""
    graph = Graph()
    source = graph.add("testsrc2", f"size=640x360:rate={FRAMES_PER_S}")
    shape, sink = graph.add("format", "yuv420p"), graph.add("buffersink")
    source.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    return graph


def sound_source() -> Graph:
    """A tone."""
    graph = Graph()
    source = graph.add("sine", f"frequency=440:sample_rate={SAMPLES_PER_S}")
    shape = graph.add("aformat", "sample_fmts=s16:channel_layouts=stereo")
    pieces, sink = graph.add("asetnsamples", f"n={SAMPLES}"), graph.add("abuffersink")
    source.link_to(shape)
    shape.link_to(pieces)
    pieces.link_to(sink)
    graph.configure()
    return graph


def broadcast(whip_url: str, key: str, seconds: int, options: dict[str, str]) -> int:
    """Publish for so long, in real time; return how many frames were sent."""
    pictures, sounds = picture_source(), sound_source()
    options = {"authorization": key, **options}
    sent = 0
    with av.open(whip_url, "w", format="whip", options=options) as output:
        video = output.add_stream("libx264", rate=FRAMES_PER_S, options=VIDEO_OPTIONS)
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        video.bit_rate, video.gop_size = 800_000, 2 * FRAMES_PER_S
        video.codec_context.max_b_frames = 0
        audio = output.add_stream("libopus", rate=SAMPLES_PER_S, layout="stereo")
        heard_s = 0.0
        started_at = time.monotonic()
        for index in range(seconds * FRAMES_PER_S):
            wait_until(started_at + index / FRAMES_PER_S)
            picture = pictures.vpull()
            picture.pts, picture.time_base = index, Fraction(1, FRAMES_PER_S)
            picture.pict_type = PictureType.NONE
            for packet in video.encode(picture):
                output.mux(packet)
                sent += 1
            while heard_s <= index / FRAMES_PER_S:
                sound = sounds.pull()
                assert isinstance(sound, av.AudioFrame)
                sound.pts = round(heard_s * SAMPLES_PER_S)
                sound.time_base = Fraction(1, SAMPLES_PER_S)
                for packet in audio.encode(sound):
                    output.mux(packet)
                heard_s += SAMPLES / SAMPLES_PER_S
    return sent


def wait_until(at: float) -> None:
    """Real time is what is broadcast: wait for it."""
    threading.Event().wait(max(0.0, at - time.monotonic()))


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        url, key, seconds = sys.argv[1:]
        print(broadcast(url, key, int(seconds), write_certificate(Path(folder))))
