"""Drawing on a pretended device: pictures, views, warps, films, files and the viewer, at the defaults a user gets."""
import tempfile
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch
import numpy as np, torch
from creps import directions, files, film, project, render, viewer  # noqa: F401 (files: fills the table of formats)
from creps.coords import View
from creps.generator import Generator
from device import Entry

class AtOnce:
    "A pool that computes in the caller's thread: the pretended device exists in no other."
    def submit(self, function, *given) -> Future:
        future = Future()
        future.set_result(function(*given))
        return future

    def map(self, function, things): return [function(thing) for thing in things]

@contextmanager
def alone(workers): yield AtOnce()

def drawing(act, resolution: int = 256, batch: int = 1, **given):
    "An entry's work: act(G, ws), for a frozen network of full width or as `given`."
    def prepare(device):
        with torch.device(device): G = Generator(resolution, mapping_layers=2, **given).requires_grad_(False)
        ws = torch.zeros(batch, G.num_ws, G.mapping.w_dim, device=device, dtype=next(G.parameters()).dtype)
        def once():
            with patch.object(render, "crew", alone), patch.object(film, "crew", alone): act(G, ws)
        return once
    return prepare

def wave(row, col): return row + .02 * np.sin(6 * col), col

def a_file(suffix: str):
    def act(G, ws):
        with tempfile.TemporaryDirectory() as folder: render.render(G, ws, 512, out=Path(folder, f"picture{suffix}"))
    return act

def a_film(G, ws): return list(film.pictures(G, ws, film.move(View(), View(zoom=2, angle=20), 8), 256))
def in_bfloat16(G, ws): return render.render(G.bfloat16(), ws.bfloat16(), 512)

def a_viewer(**state):
    def act(G, ws):
        request = dict(kind="draw", state=state, size=[512, 512], tile=[0, 0, 512, 512], step=1)
        with patch.object(viewer, "from_uint8", lambda pictures: torch.zeros(pictures.shape).permute(0, 3, 1, 2)):
            viewer.answer(G, "network", request)
            viewer.answer(G, "network", dict(kind="detail", state=state, size=[512, 512]))
    return act

def a_search(space: str, steps: int):
    "Steps of a search for a picture with more pixels than the network was trained with."
    def act(G, ws):
        picture = torch.zeros(1, 3, 200, 300, device=ws.device)
        search = project.Search(project.Target(G, picture), space, steps)
        for _ in range(steps): search.step()
    return act

def some_directions(G, ws):
    directions.directions.cache_clear()
    return directions.moved(ws, directions.direction(G, "sefa-2@16"), 2.)

def paint(*size, **how): return lambda G, ws: render.render(G, ws, size, **how)

small = dict(channel_base=4096, channel_max=128, biline_channels=16)
turned = View(angle=30)

ENTRIES = [
    Entry("32 pictures of 256 px", drawing(lambda G, ws: G.draw(ws, 256), batch=32), 600, 4),
    Entry("the same, of the training's grid", drawing(lambda G, ws: G.synthesis(ws), batch=32), 600, 4),
    Entry("the same, turned", drawing(lambda G, ws: G.draw(ws, 256, turned), batch=32), 2000, 4, modes=("CUDA",)),  # MPS: minutes
    Entry("32 small ones, turned", drawing(lambda G, ws: G.draw(ws, 64, turned), 64, 32, **small), 600, 4),
    Entry("32 small ones without lines", drawing(lambda G, ws: G.draw(ws, 64), 64, 32, composition="none"), 600, 4),
    Entry("one picture of 4096 px", drawing(lambda G, ws: G.draw(ws, 4096)), 800, 4),
    Entry("rendered: 1024 px, full width", drawing(paint(1024, 1024)), 2000, 4, 20),
    Entry("rendered: 512 px in 256 MB", drawing(paint(512, 512, max_memory="256MB")), 5000, 10, 50),
    Entry("rendered: 4096 px of a small network", drawing(paint(4096, 4096), 64, **small), 6000, 10, 80),
    Entry("rendered: turned", drawing(paint(1024, 1024, view=turned)), 3000, 50, 20),
    Entry("rendered: warped", drawing(paint(1024, 1024, warp=wave)), 3000, 50, 20),
    Entry("rendered: far away, turned", drawing(paint(64, 64, view=View(zoom=.05, angle=30)), 64, **small), 1500, 20, 6),
    Entry("rendered: turned, exact", drawing(paint(128, 128, view=turned, exact=True), 64, **small), 1200, 12, 6),
    Entry("rendered: areas", drawing(paint(512, 512), 64, supersample=2, **small), 1500, 10, 10),
    Entry("rendered: areas, turned", drawing(paint(256, 256, view=turned), 64, supersample=2, **small), 2000, 50, 20),
    Entry("rendered: without lines", drawing(paint(256, 256), 64, composition="none", **small), 800, 10, 10),
    Entry("rendered: sixteen bits", drawing(paint(512, 512, bits=16), 64, **small), 800, 4, 10),
    Entry("rendered: a png", drawing(a_file(".png"), 64, **small), 800, 4, 100),  # waits: for the weights, to know them again
    Entry("rendered: a deep zoom", drawing(a_file(".dzi"), 64, **small), 3000, 30, 120),
    Entry("rendered: a network in bfloat16", drawing(in_bfloat16, 64, **small), 1000, 4, 10),
    Entry("a film of 8 frames", drawing(a_film, 64, **small), 2000, 40, 30),
    Entry("a search, four steps in w", drawing(a_search("w", 4), 64, **small), 6500, 80, 40),
    Entry("a search, four steps in w+", drawing(a_search("w+", 4), 64, **small), 6500, 80, 40),
    Entry("directions of a block", drawing(some_directions, 64, **small), 400, 20, 60),
    Entry("the viewer: a turned tile", drawing(a_viewer(angle=20., mix=[.5] * 7, label=2), 64, label_dim=3, **small), 3500, 60, 20),
    Entry("the viewer: what a block adds", drawing(a_viewer(show="added", block=1), 64, **small), 2500, 20, 20),
]
