"""One folder of small photos for all training tests."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sharp")
    for i in range(10):
        rng = np.random.default_rng(100 + i)
        image = ndimage.gaussian_filter(rng.random((200, 231, 3)), (1, 1, 0))
        image = (image - image.min()) / np.ptp(image) * 255
        Image.fromarray(image.astype(np.uint8)).save(folder / f"photo{i}.png")
    rows = "".join(f"photo{i}.png,{'train' if i < 7 else 'val'}\n" for i in range(10))
    (folder / "manifest.csv").write_text("file,split\n" + rows)
    return folder
