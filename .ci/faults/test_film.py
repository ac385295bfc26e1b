"""Films and warps from a shell: what moves, what is refused, and that nothing half-written stays."""
import json
from pathlib import Path
import numpy as np, pytest
from PIL import Image

def frames(path):
    with Image.open(path) as film:
        found = []
        for n in range(film.n_frames):
            film.seek(n)
            found.append(np.asarray(film.convert("RGB")).astype(int))
    return found

def differ(a, b): return np.abs(a - b).mean() > 2

@pytest.mark.parametrize("words", [("--zoom-to", 4), ("--center-to", ".2,.8"), ("--angle-to", 90), ("--seeds", "0,1"), ("--warp", "swirl:0:180"), ("--zoom-to", 2, "--seeds", "0-2", "--warp", "lens:0:.4,rotate:30")])
@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_what_moves(words, suffix, here, creps):
    out = f"f{suffix}"
    told = creps("film", "scenery-64", "--out", out, "--seconds", .5, "--fps", 10, "--size", 32, *words)
    assert told.rc == 0 and json.loads(told.out.splitlines()[-1])["frames"] == 5, told
    seen = frames(out)
    assert len(seen) == 5 or suffix == ".webp" and len(seen) > 1   # a webp stores equal frames once
    assert seen[0].shape == (32, 32, 3) and differ(seen[0], seen[-1])
    assert sorted(p.name for p in here.iterdir()) == ["d", out]

def test_back_again(here, creps):
    assert creps("film", "scenery-64", "--size", 32, "--out", "f.gif", "--seconds", 1, "--fps", 8, "--zoom-to", 4, "--back", "--even").rc == 0
    seen = frames("f.gif")
    assert len(seen) == 8 and not differ(seen[1], seen[-1]) and differ(seen[0], seen[4])

def test_mp4(here, trained, creps):
    pytest.importorskip("imageio_ffmpeg")
    assert creps("film", trained, "--out", "f.mp4", "--seconds", .4, "--fps", 10, "--zoom-to", 2).rc == 0
    assert Path("f.mp4").read_bytes()[4:8] == b"ftyp"

def test_the_first_frame_is_the_picture_of_generate(here, trained, creps):
    view = ["--size", 40, "--zoom", 1.5, "--angle", 10, "--warp", "swirl:60"]
    assert creps("film", trained, "--out", "f.webp", "--seeds", 3, "--seconds", .2, "--fps", 10, *view, "--angle-to", 50).rc == 0
    assert creps("generate", trained, "--seeds", 3, "--out", "p", *view).rc == 0
    assert creps("render", trained, "--seed", 3, "--out", "r.png", *view).rc == 0
    picture = np.asarray(Image.open("p/seed0003.png")).astype(int)
    assert (picture == np.asarray(Image.open("r.png"))).all() and np.abs(frames("f.webp")[0] - picture).mean() < 4
    assert creps("generate", trained, "--seeds", 3, "--out", "straight", *view[:-2]).rc == 0
    assert differ(picture, np.asarray(Image.open("straight/seed0003.png")).astype(int))

@pytest.mark.parametrize("words, word", [
    ((), "nothing moves"), (("--warp", "swirl:90"), "nothing moves"), (("--zoom-to", 0), "zoom-to"), (("--zoom-to", 2, "--out", "f.avi"), ".webp"), (("--zoom-to", 2, "--size", 45, "--out", "f.mp4"), "even"),
    (("--zoom-to", 2, "--fps", 80), "50 frames"), (("--warp", "bend:1:2"), "bend"), (("--warp", "shear:0:90"), "shear:0:90"), (("--warp", "swirl"), "swirl:90"), (("--center-to", "1"), "center"), (("--seeds", "x"), "seeds"), (("--zoom-to", 2, "--out", "d/00.png/f.gif"), "d/00.png"),
    (("--zoom-to", 2, "--labels", 1), "--labels"), (("--zoom-to", 2, "--seconds", "nan"), "seconds")])
def test_refused(words, word, here, trained, creps):
    out = [] if "--out" in words else ["--out", "f.gif"]
    told = creps("film", trained, *out, *words)
    assert told.rc == 2 and word in told.said and len(told.err.strip().splitlines()) == 1 and not list(here.glob("f*")), told

@pytest.mark.parametrize("words, word", [(("generate", "--seeds", 0, "--warp", "swirl:0:90", "--out", "p"), "only in a film"), (("render", "--warp", "tilt:1", "--out", "p.png"), "tilt:1"), (("render", "--warp", "", "--out", "p.png"), "empty")])
def test_warps_that_cannot_be(words, word, here, trained, creps):
    told = creps(words[0], trained, *words[1:])
    assert told.rc == 2 and word in told.said and not list(here.glob("p*")), told
