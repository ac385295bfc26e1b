"""Pictures of sixteen bits: the same colours, finer; refused where a format has no room for them."""
import zlib
from pathlib import Path
import numpy as np, pytest
from PIL import Image

def read16(path):
    "A PNG of 16 bits, unpacked by hand: Pillow keeps only the high bytes of colours."
    data, at, body = Path(path).read_bytes(), 8, b""
    while at < len(data):
        n = int.from_bytes(data[at:at + 4], "big")
        kind, content = data[at + 4:at + 8], data[at + 8:at + 8 + n]
        if kind == b"IHDR": w, h, depth, colour = int.from_bytes(content[:4], "big"), int.from_bytes(content[4:8], "big"), content[8], content[9]
        body, at = body + content * (kind == b"IDAT"), at + n + 12
    channels = {0: 1, 2: 3, 6: 4}[colour]
    lines = np.frombuffer(zlib.decompress(body), np.uint8).reshape(h, -1)
    assert depth == 16 and (lines[:, 0] == 1).all()
    return lines[:, 1:].reshape(h, w, 2 * channels).cumsum(1, dtype=np.uint8).reshape(h, w, channels, 2).view(">u2")[..., 0]

def close(fine, coarse):
    "The same picture, and more of it."
    return np.abs(fine / 257 - coarse).max() < 1.1 and len(np.unique(fine)) > len(np.unique(coarse))

def test_sixteen_bits_in_png_and_tiff(here, trained, creps):
    view = ["--size", "80x300", "--angle", 10]
    for name in ("a.png", "b.png", "b.tif"):
        bits = [] if name == "a.png" else ["--bits", 16]
        assert creps("render", trained, "--seed", 3, "--out", name, *view, *bits).rc == 0
    coarse, fine = np.asarray(Image.open("a.png")), read16("b.png")
    assert fine.shape == (80, 300, 3) and close(fine, coarse)
    tifffile = pytest.importorskip("tifffile")
    assert (tifffile.imread("b.tif") == fine).all()
    assert creps("generate", trained, "--seeds", 3, "--out", "p", "--bits", 16, *view).rc == 0
    assert (read16("p/seed0003.png") == fine).all()

def test_an_unfinished_tiff_of_other_bits_is_not_continued(here, trained, creps, monkeypatch):
    pytest.importorskip("tifffile")
    from creps import files
    def stop(self): raise KeyboardInterrupt
    with monkeypatch.context() as patched:
        patched.setattr(files.Tiff, "publish", stop)
        assert creps("render", trained, "--out", "b.tif", "--size", 300).rc == 130
    told = creps("render", trained, "--out", "b.tif", "--size", 300, "--bits", 16)
    assert told.rc == 2 and "another picture" in told.said, told

@pytest.mark.parametrize("words, word", [(("render", "--out", "p.dzi", "--bits", 16), "8 bits"), (("render", "--out", "p.png", "--bits", 12), "one of 8, 16"), (("generate", "--grid", "p.png", "--bits", 16), "--grid"), (("render", "--out", "p.png", "--bits", "many"), "whole number")])
def test_bits_that_cannot_be(words, word, here, trained, creps):
    told = creps(words[0], trained, *words[1:])
    assert told.rc == 2 and word in told.said and len(told.err.strip().splitlines()) == 1 and not list(here.glob("p*")), told
