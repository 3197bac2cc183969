"""Made-up clips, and networks that are none."""

from fractions import Fraction

import numpy as np
import pytest

from unblur.spec import ModelSpec

TICK = Fraction(1, 1000)


def texture(height, width, seed=0):
    rng = np.random.default_rng(seed)
    coarse = rng.random((height // 8 + 1, width // 8 + 1, 3)).repeat(8, 0).repeat(8, 1)
    return (coarse[:height, :width] * 255).astype(np.uint8)


def write_clip(path, *, times_ms, size=(96, 64), rotation=0, sound=False, scenes=(0,), tags=1):
    """Write a small clip by PyAV; scenes change at even distances."""
    av = pytest.importorskip("av", reason="videos need PyAV")
    codec = "libvpx-vp9" if path.suffix == ".webm" else "libx264"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        context = stream.codec_context
        context.time_base = TICK
        context.color_primaries = context.color_trc = context.colorspace = tags
        if rotation:
            stream.set_display_rotation(rotation)
        voice = container.add_stream("aac", rate=48000) if sound else None
        for number, time in enumerate(times_ms):
            scene = scenes[number * len(scenes) // len(times_ms)]
            picture = texture(size[1], size[0] + 40, scene)[:, 2 * (number % 16) :][:, : size[0]]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(
                format="yuv420p",
                dst_colorspace=None if tags == 2 else tags,
                interpolation=exactly(),
            )
            frame.pts, frame.time_base = time, TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None:
            rng = np.random.default_rng(1)
            for number in range(max(times_ms) * 48 // 1024 + 1):
                tone = (0.1 * rng.standard_normal((2, 1024))).astype(np.float32)
                noise = av.AudioFrame.from_ndarray(tone, format="fltp", layout="stereo")
                noise.sample_rate, noise.pts = 48000, number * 1024
                container.mux(voice.encode(noise))
            container.mux(voice.encode(None))
    return path


def exactly():
    """Return how FFmpeg is to convert pixels: left to itself it is quick and dark."""
    how = __import__("av").video.reformatter.Interpolation
    return how.BICUBIC | how.ACCURATE_RND | how.FULL_CHR_H_INT | how.FULL_CHR_H_INP


def apart(a, b):
    """Return how far two pictures are apart in brightness: colours are stored at half size."""
    return np.abs((np.asarray(a, float) - b) @ (0.25, 0.6, 0.15)).mean()


def read_back(path):
    """Return a clip's frames, their times, its rotation, colour tags and sound packets."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        context = stream.codec_context
        tags = context.color_primaries, context.color_trc, context.colorspace
        times = [float(frame.time) for frame in frames]
        pixels = [
            frame.reformat(format="rgb24", interpolation=exactly()).to_ndarray() for frame in frames
        ]
        rotation = frames[0].rotation
    with av.open(str(path)) as container:
        sound = [bytes(p) for p in container.demux(container.streams.audio)]
    return pixels, times, rotation, tags, [packet for packet in sound if packet]


class Inverting:
    """A model whose work can be seen; it counts what it was told."""

    def __init__(self):
        self.resets, self.steps = 0, 0

    def reset(self):
        self.resets += 1

    def analyse(self, frame):
        return None

    def step(self, frame, analysis=None, following=None):
        self.steps += 1
        return 1 - frame


class FakeEngine:
    """A FrameRNN that gives back what it is shown, and can be asked what it was told."""

    def __init__(self, hidden=2):
        self.spec = ModelSpec("fake", "frame", 16, 0, 1, "-", "-", 0, state_channels=48 + hidden)
        self.hints, self.states = [], []

    def __call__(self, frame, told):
        state = self.spec.state_channels
        self.hints.append(told[0, :-state].copy())
        self.states.append(told[0, -state:].copy())
        return np.zeros_like(frame), np.ones((1, state - 48, *frame.shape[2:]), np.float32)
