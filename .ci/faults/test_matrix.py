"""Networks of every kind through every command: each works, or is refused before any work in one line."""
import json, urllib.request
from pkgutil import resolve_name
from types import SimpleNamespace
import numpy as np, pytest, torch
from pathlib import Path
from PIL import Image
from conftest import TINY, run, write_pictures
from creps import Generator, View, benchmark
from creps.export import session
from creps.film import film, move
from creps.viewer import serve

KINDS = dict(grey=(1, 0, (16, 16)), rgba=(4, 0, (16, 16)), classes=(3, 3, (16, 16)), wide=(3, 0, (8, 16)), high=(3, 0, (16, 12)), all=(4, 2, (8, 16)))
MODES = {1: "L", 3: "RGB", 4: "RGBA"}

@pytest.fixture(scope="module", params=KINDS)
def kind(request, tmp_path_factory):
    "A trained network of one kind: channels, classes, shape, run folder, data."
    channels, classes, shape = KINDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    data = write_pictures(folder / "d", 32, 20, MODES[channels])
    if classes: (data / "dataset.json").write_text(json.dumps(dict(labels=[[f"{i:02d}.png", i % classes] for i in range(32)])))
    own = ["--image-channels", channels, "--shape", "{}x{}".format(*shape)] + ["--cond"] * bool(classes)
    words = ["train", "--data", data, "--out", folder / "run", *TINY, *own, "--kimg", .02, "--metric", "swd"]
    told = run(*words)
    assert told.rc == 0, told.err
    return SimpleNamespace(channels=channels, classes=classes, shape=shape, data=data, run=folder / "run", folder=folder, words=words)

def well(*words):
    told = run(*words)
    assert told.rc == 0, told.err
    return told

def refused(word, *words):
    told = run(*words)
    assert told.rc == 2 and len(told.err.strip().splitlines()) == 1 and word in told.err, told

def size_of(path, mode):
    picture = Image.open(path)
    assert picture.mode == mode
    return picture.size[::-1]

def test_the_metric_is_in_the_log(kind):
    lines = [json.loads(line) for line in (kind.run / "log.jsonl").read_text().splitlines()]
    assert any(np.isfinite(line["swd"]) for line in lines if "swd" in line) and (kind.run / "best" / "config.json").exists()

def test_the_network_knows_its_shape(kind):
    G = Generator.from_pretrained(kind.run)
    assert G.shape == kind.shape and G.image_channels == kind.channels and G.label_dim == kind.classes
    label = torch.eye(kind.classes)[:1] if kind.classes else None
    assert G(torch.randn(1, G.z_dim), label).shape == (1, kind.channels, *kind.shape)

def test_generate(kind):
    label = ["--labels", "0,1"] * bool(kind.classes)
    out, grid = kind.folder / "pictures", kind.folder / "grid.png"
    well("generate", kind.run, "--seeds", "0-1", "--out", out, "--grid", grid, *label)
    assert size_of(out / "seed0001.png", MODES[kind.channels]) == kind.shape
    assert size_of(grid, MODES[kind.channels]) == (kind.shape[0], 2 * kind.shape[1])
    well("generate", kind.run, "--seeds", "0", "--size", "24x40", "--angle", 20, "--out", out, *label[:1], *["1"] * bool(kind.classes))
    assert size_of(out / "seed0000.png", MODES[kind.channels]) == (24, 40)

def test_labels(kind):
    out = kind.folder / "labelled"
    if kind.classes:
        refused("--labels", "generate", kind.run, "--seeds", 0, "--out", out)
        refused("--labels", "generate", kind.run, "--seeds", 0, "--out", out, "--labels", kind.classes)
        refused("--label", "render", kind.run, "--out", f"{out}.png")
    else:
        refused("--labels", "generate", kind.run, "--seeds", 0, "--out", out, "--labels", 0)
        refused("--label", "render", kind.run, "--out", f"{out}.png", "--label", 0)
    assert not out.exists() and not Path(f"{out}.png").exists()

@pytest.mark.parametrize("suffix", [".png", ".tif", ".dzi"])
def test_render(kind, suffix):
    label, out = ["--label", 1] * bool(kind.classes), kind.folder / f"one{suffix}"
    well("render", kind.run, "--out", out, *label)
    if suffix != ".dzi": assert size_of(out, MODES[kind.channels]) == kind.shape
    else: assert 'Height="{}"'.format(kind.shape[0]) in out.read_text() and 'Width="{}"'.format(kind.shape[1]) in out.read_text()
    well("render", kind.run, "--out", kind.folder / f"large{suffix}", "--size", 300, "--angle", 10, *label)

def test_evaluate(kind):
    words = "evaluate", kind.run, "--data", kind.data, "--samples", 32
    found = json.loads(well(*words, "--metrics", "swd").out.splitlines()[-1])
    assert found["size"] == list(kind.shape) and np.isfinite(found["swd"])
    if kind.channels == 3: well(*words, "--metrics", "scenery-frechet", "--cache", kind.folder / "cache")
    else: refused("RGB", *words, "--metrics", "scenery-frechet")

def test_evaluate_refuses(kind):
    if kind.classes: refused("no labels", "evaluate", kind.run, "--data", "scenery", "--metrics", "swd", "--samples", 32)
    refused("33", "evaluate", kind.run, "--data", kind.data, "--metrics", "swd", "--samples", 32, "--reals", 33)

def test_consistency(kind):
    found = json.loads(well("consistency", kind.run, "--samples", 4, "--sizes", "16,32").out.splitlines()[-1])
    assert found["psnr"] > 5
    found = json.loads(well("consistency", kind.run, "--samples", 1).out.splitlines()[-1])
    assert found["sizes"] == [[n * k for n in kind.shape] for k in (16, 32)]

def test_report(kind):
    well("report", kind.run)
    page, (height, width) = (kind.run / "report.html").read_text(), kind.shape
    size = "64" if height == width else f"{4 * height}x{4 * width}"
    assert f"--size {size} " in page and "creps generate " in page

def test_export(kind):
    well("export", kind.run, "--out", kind.folder / "net.onnx", "--part", "all")
    made = session((kind.folder / "net-image.onnx").read_bytes(), 1)
    assert made.get_outputs()[0].shape[1] == kind.channels

def test_view(kind):
    if kind.channels != 3: return refused("RGB", "view", kind.run, "--no-browser")
    server = serve(str(kind.run))
    try: assert b"<html" in urllib.request.urlopen(server.url).read().lower()
    finally: server.close()

def test_info(kind):
    about = json.loads(well("info", kind.run).out.splitlines()[-1])
    assert about["shape"] == list(kind.shape) and about["label_dim"] == kind.classes

def test_bench(kind, monkeypatch):
    monkeypatch.setattr(benchmark, "apart", lambda name, threads, **how: resolve_name(name)(**how))   # a process takes seconds to start,
    monkeypatch.setattr(benchmark, "matmul_peak", lambda device: 1.)                                       # and this to measure
    found = json.loads(well("bench", "render", "--model", kind.run, "--sizes", "32", "--repeats", 1, "--threads", 1).out.splitlines()[-1])
    assert found["size"] == [32, 32] and found["seconds"] > 0

def test_film(kind):
    G = Generator.from_pretrained(kind.run)
    ws = G.mapping(torch.randn(1, G.z_dim), torch.eye(kind.classes)[:1] if kind.classes else None)
    shots, path = move(View(), View(zoom=2), 3), kind.folder / "film.webp"
    if kind.channels == 3:
        film(G, ws, shots, path)
        assert Image.open(path).size[::-1] == kind.shape
    else:
        with pytest.raises(ValueError, match="RGB"): film(G, ws, shots, path)
        assert not path.exists()

def test_go_on_and_begin_with_it(kind):
    well(*kind.words[:-4], "--kimg", .03, "--resume", "latest")
    other = [kind.folder / "second" if w == kind.run else w for w in kind.words]
    well(*other, "--init", kind.run)
    assert Generator.from_pretrained(kind.folder / "second").shape == kind.shape
