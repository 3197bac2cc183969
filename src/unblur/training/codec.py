"""What a video codec does to the frames of a training sequence."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from unblur.io.video import careful, load_av, open_clip


def through_codec(frames: NDArray[np.uint8], crf: int) -> NDArray[np.uint8]:
    """Return frames after a round trip through H.264.

    Args:
        frames: (T, H, W, 3) uint8 sRGB; sides even.
        crf: rate factor, 0 to 51; larger is worse.

    Raises:
        MissingExtra: PyAV is not installed.
    """
    av = load_av()
    how = careful(av)
    with TemporaryDirectory(prefix="unblur-") as folder:
        path = Path(folder) / "sequence.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=30, options={"crf": str(crf)})
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt, stream.thread_count = "yuv420p", 1
            for picture in frames:
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                container.mux(stream.encode(frame.reformat(format="yuv420p", interpolation=how)))
            container.mux(stream.encode(None))
        with open_clip(path) as container:
            decoded = [
                frame.reformat(format="rgb24", interpolation=how).to_ndarray()
                for frame in container.decode(video=0)
            ]
    return np.stack(decoded)
