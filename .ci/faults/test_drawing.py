"""Drawing: every precision, device and limit, and networks that can't be drawn."""
import copy, shutil, sys
from pathlib import Path
import numpy as np, pytest, torch
from safetensors.torch import load_file, save_file
from creps import Generator, View
from creps.core import rng
from creps.film import move, pictures
from creps.render import plan, render
from creps.stages import stages_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from device import Pretend

@pytest.fixture(scope="module")
def G(): return Generator.from_pretrained("scenery-64").requires_grad_(False)

@pytest.fixture(scope="module")
def ws(G): return G.mapping(torch.randn(1, G.z_dim, generator=rng(36)))

PRECISIONS = dict(half=.03, bfloat16=.2, double=1e-5)  # and how far colours of the network itself may be off

@pytest.mark.parametrize("name", PRECISIONS)
def test_network_in_another_precision(G, ws, name):
    other = getattr(copy.deepcopy(G), name)()
    dtype = next(other.parameters()).dtype
    assert torch.equal(other.synthesis.input.freqs, G.synthesis.input.freqs)
    for view in (None, View(angle=20)):
        off = other.draw(ws.to(dtype), 96, view) - G.draw(ws, 96, view)
        assert off.abs().max() < PRECISIONS[name]
    rendered = render(other, ws.to(dtype), 96, View(angle=20)).astype(int)
    assert np.abs(rendered - render(G, ws, 96, View(angle=20))).max() <= 127.5 * PRECISIONS[name] + 1
    assert len(list(pictures(other, ws.to(dtype), move(View(), View(zoom=2), 3), 32))) == 3

def test_precision_there_and_back(G):
    back = copy.deepcopy(G.synthesis.input).half().double().bfloat16().float()
    assert torch.equal(back.freqs, G.synthesis.input.freqs)

@pytest.mark.parametrize("composition", ("layerwise", "once", "none"))
def test_bands_wherever_nothing_is_learnt(composition):
    made = Generator(16, channel_base=256, channel_max=16, z_dim=16, w_dim=16, biline_channels=4, composition=composition)
    w = torch.randn(1, made.num_ws, 16, generator=rng(0))
    def heights(w):
        "How many rows of pixels are drawn at a time."
        seen, real = [], made.synthesis.bands
        made.synthesis.bands = lambda ws, rows, cols, step: seen.append(step) or real(ws, rows, cols, step)
        try: made.draw(w, 512)
        finally: del made.synthesis.bands
        return seen.pop()
    assert heights(w) == 512
    made.requires_grad_(False)
    assert heights(w) == 64 and heights(w.clone().requires_grad_()) == 512

def stages(device, R=256):
    with torch.device(device): wide = Generator(R, mapping_layers=1).requires_grad_(False)
    return stages_of(wide.synthesis, torch.zeros(1, wide.num_ws, 512, device=device))

@pytest.mark.parametrize("threads", (1, 2, 16, 64, 192))
def test_default_limit_suits_any_processor(threads):
    both = stages("cpu")
    for size in ((256, 256), (8192, 8192), (16, 40000)):
        found = plan(*both, size, 256 << 20, threads)
        assert found.overhead <= 256 << 20 and 1 <= found.workers <= threads
        assert found.tile == plan(*both, size, 1 << 40, threads).tile  # the picture does not depend on the limit

@pytest.mark.parametrize("limit", ("120MB", "256MB", "1GB", "40GB", None))
def test_device_takes_any_limit_that_can_do(limit):
    from device_drawing import drawing, paint
    for mode in (True, False):
        with Pretend(mode): drawing(paint(64, 100, max_memory=limit))("meta")()

def test_device_refuses_a_limit_in_one_line():
    from device_drawing import drawing, paint
    with Pretend(), pytest.raises(ValueError, match="max_memory is too small: .* more are needed"):
        drawing(paint(200, 300, max_memory="4MB"))("meta")()

@pytest.fixture
def broken(trained, tmp_path):
    "Network folders whose weights hold a number that isn't finite."
    def make(name, value):
        folder = tmp_path / f"broken-{name.replace('.', '-')}"
        shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints", "d"))
        weights = load_file(folder / "model.safetensors")
        weights[name].view(-1)[0] = value
        save_file(weights, folder / "model.safetensors")
        return folder
    return make

@pytest.mark.parametrize("name, value", (("synthesis.pixels.to_rgb.bias", float("nan")), ("synthesis.lines.blocks.0.fc1.weight", float("inf")),
                                         ("mapping.w_avg", float("-inf"))))
def test_broken_network_is_refused(creps, broken, tmp_path, name, value):
    folder, out = broken(name, value), tmp_path / "out"
    for command in (["generate", folder, "--out", out, "--seeds", 0], ["render", folder, "--out", out / "a.png"], ["info", folder]):
        done = creps(*command)
        assert done.rc == 2 and "not finite" in done.said and name in done.said and len(done.err.strip().splitlines()) == 1
        assert not list(out.glob("*")) if out.exists() else True

def test_broken_code_is_refused(G, ws, tmp_path):
    for out in (None, tmp_path / "a.png", tmp_path / "a.dzi"):
        with pytest.raises(ValueError, match="not finite"): render(G, ws * float("nan"), 64, out=out)
    with pytest.raises(ValueError, match="not finite"): render(G, torch.full_like(ws, 1e38), 64)
    with pytest.raises(ValueError, match="not finite"): list(pictures(G, ws * float("inf"), move(View(), View(zoom=2), 3), 64))
    assert not list(tmp_path.iterdir())

def test_generate_and_view_take_a_limit(creps, trained, tmp_path):
    for limit, rc in (("64MB", 0), ("1KB", 0), ("lots", 2)):
        done = creps("generate", trained, "--out", tmp_path / "out", "--seeds", 0, "--max-memory", limit, "--device", "cpu")
        assert done.rc == rc, done.err
    assert "memory must be" in done.said
    done = creps("view", trained, "--max-memory", "lots", "--no-browser", "--device", "cpu")
    assert done.rc == 2 and "memory must be" in done.said
