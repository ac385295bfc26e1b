"""Pictures to be found, and directions to move them in: what is refused, and what survives an interruption."""
import json
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image
from creps import Generator, project
from creps.checkpoint import save_network
from creps.core import rng
from creps.peers import StyleGAN2
from creps.project import load_codes, save_codes

SHORT = "--steps", 4, "--features", "none"

def picture(name, *size, mode="RGB"):
    values = np.random.default_rng(0).integers(0, 255, (*size, 3) if mode == "RGB" else size, dtype=np.uint8)
    Image.fromarray(values, mode).save(name)
    return name

def refused(creps, said, *words, makes=("o",)):
    "The command says so in one line, and writes nothing."
    done = creps(*words)
    assert done.rc == 2 and said in done.said and "Traceback" not in done.err, done.err
    assert not any(Path(name).exists() for name in makes)

@pytest.mark.parametrize("make, said", (
    (lambda: picture("a.png", 5, 9), "a.png: the picture is 5 x 9: at least 8 x 8 pixels are needed"),
    (lambda: Path("a.png").write_text("no picture"), "a.png can't be read: not a picture"),
    (lambda: Path("a.png").write_bytes(b""), "a.png can't be read: zero bytes"),
    (lambda: Path("a.png").mkdir(), "a.png can't be read: Is a directory"),
    (lambda: None, "a.png can't be read: No such file"),
))
def test_picture_that_cannot_be_looked_for(creps, here, trained, make, said):
    make()
    refused(creps, said, "project", "a.png", "--model", trained, "--out", "o", *SHORT)

def test_mask_of_another_size_or_without_a_pixel(creps, here, trained):
    words = "project", picture("a.png", 16, 20), "--model", trained, "--out", "o", *SHORT
    refused(creps, "the picture is 16 x 20, and the mask 16 x 16", *words, "--mask", picture("m.png", 16, 16, mode="L"))
    Image.new("L", (20, 16)).save("black.png")
    refused(creps, "the mask leaves no pixel of the picture", *words, "--mask", "black.png")

def test_words_of_the_command(creps, here, trained):
    words = "project", picture("a.png", 16, 16), "--model", trained, "--out", "o"
    refused(creps, "must be one of w, w+, not 'z'", *words, "--space", "z")
    refused(creps, "must be one of auto, lite1, lpips, none", *words, "--features", "vgg")
    refused(creps, "--model", *words[:2], "--out", "o")
    Path("s").mkdir()
    refused(creps, "two pictures are called a", "project", picture("s/a.png", 16, 16), *words[1:], *SHORT)
    Path("o").write_text("")
    done = creps(*words, *SHORT)
    assert done.rc == 2 and "o/a can't be written" in done.said

def test_network_whose_pixels_depend_on_each_other(creps, here):
    peer = StyleGAN2(16, z_dim=16, w_dim=16, channel_base=256, channel_max=16)
    with pytest.raises(ValueError, match="StyleGAN2 is not pointwise"): project.project(peer, torch.zeros(1, 3, 16, 16))
    save_network(peer, "peer")
    refused(creps, "peer holds a StyleGAN2, not a CREPS; only CREPS can be used here", "project", picture("a.png", 16, 16), "--model", "peer", "--out", "o", *SHORT)

def test_interrupted_search_goes_on_to_the_same_code(creps, here, trained, monkeypatch):
    picture("a.png", 40, 24)
    words = "project", "a.png", "--model", trained, "--steps", 8, "--features", "none", "--space", "w+"
    assert creps(*words, "--out", "whole").rc == 0
    step = project.Search.step
    def stopped(search):
        if search.number == 6: raise KeyboardInterrupt
        return step(search)
    with monkeypatch.context() as m:
        m.setattr(project.Search, "step", stopped)
        done = creps(*words, "--out", "o")
    assert done.rc == 130 and "the same command goes on from here" in done.err
    assert [p.name for p in Path("o/a").iterdir()] == ["search.safetensors"]
    assert creps(*words, "--out", "o").rc == 0
    assert sorted(p.name for p in Path("o/a").iterdir()) == ["found.png", "search.webp", "strip.png", "ws.safetensors"]
    G = Generator.from_pretrained(trained)
    assert torch.equal(load_codes("o/a/ws.safetensors", G), load_codes("whole/a/ws.safetensors", G))
    assert Image.open("o/a/found.png").size == (24, 40)
    assert "found already" in creps(*words, "--out", "o").out

def test_several_pictures_are_each_found_once(creps, here, trained):
    words = "project", picture("a.png", 16, 16), picture("b.png", 16, 24), "--model", trained, "--out", "o", *SHORT
    assert creps(*words).rc == 0
    assert creps(*words).out.count("found already") == 2

def test_codes_are_drawn_by_every_command(creps, here, trained):
    G = Generator.from_pretrained(trained)
    ws = G.mapping(torch.randn(2, G.z_dim, generator=rng(0)))
    save_codes("two.safetensors", ws)
    done = creps("generate", trained, "--ws", "two.safetensors", "--out", "g")
    assert done.rc == 0 and sorted(p.name for p in Path("g").iterdir()) == ["code0000.png", "code0001.png"]
    refused(creps, "holds 2 codes", "render", trained, "--out", "r.png", "--ws", "two.safetensors", makes=("r.png",))
    save_codes("wide.safetensors", torch.zeros(1, 3, 5))
    refused(creps, "holds codes [1, 3, 5]", "generate", trained, "--ws", "wide.safetensors", "--out", "o")
    refused(creps, "no style codes at gone", "view", trained, "--ws", "gone", "--no-browser")
    save_codes("nan.safetensors", ws * float("nan"))
    refused(creps, "holds numbers that are not finite", "generate", trained, "--ws", "nan.safetensors", "--out", "o")

@pytest.mark.parametrize("given, said", (
    ("smile:1", "no direction is called 'smile': names are like pca-1"), ("pca-999:1", "the last is pca-16"),
    ("sefa-1@128:1", "no blocks are called '128'"), ("pca-1", "must be NAME:AMOUNT like pca-1:2"),
))
def test_direction_that_does_not_exist(creps, here, trained, given, said):
    refused(creps, said, "generate", trained, "--direction", given, "--out", "o")

def test_directions_are_drawn(creps, here, trained):
    assert creps("directions", "--model", trained, "--out", "o", "--count", 1, "--rows", 2).rc == 0
    about = json.loads(Path("o/directions.json").read_text())
    assert all(Path("o", f"{name}.png").exists() for name in about) and {"pca-1", "sefa-1", "sefa-1@rgb"} <= set(about)
    moved, still = (creps("generate", trained, "--seeds", 0, "--out", name, *more).rc
                    for name, more in (("m", ("--direction", "pca-1:3")), ("s", ())))
    assert moved == still == 0
    assert Path("m/seed0000.png").read_bytes() != Path("s/seed0000.png").read_bytes()

@pytest.mark.parametrize("words", (("generate", "s", "--out", "o"), ("evaluate", "s", "--data", "scenery")))
def test_another_system_in_the_shell(words, creps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    StyleGAN2(16, z_dim=16, w_dim=16, channel_base=256, channel_max=16).save_pretrained("s")
    refused(creps, "s holds a StyleGAN2, not a CREPS; only CREPS can be used here", *words)
