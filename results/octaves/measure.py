"""How near views are to the truth, octave by octave:   python results/octaves/measure.py MODEL OUT.json [COUNT [NAME=OTHER..]]
MODEL is a run folder of `creps train --octaves N`, whose settings name the data; or a network alone, whose settings are
those in OUT.json, measured anew. OTHER is a network of any system that was trained on the same data without octaves; it is
drawn at the same views and size, and OUT.webp shows two of its codes on the way down. At every octave: the sliced
Wasserstein distance and, where it is installed, lite1's Frechet distance to COUNT true patches at random places, for
`drawn` (the network's own function), `enlarged` (its whole picture, by Lanczos), each NAME, and `other` (other true
patches: what the distance is at least), and the share of their variance that views of half the size can't hold; and how
nearly a view, downsampled by two, is the middle of the view at half its zoom."""
import json, math, sys
from dataclasses import replace
from functools import partial
from pathlib import Path
import numpy as np, torch
from PIL import Image
from creps import Generator, View
from creps.ablation import revision
from creps.checkpoint import last_good, load_settings, versions
from creps.core import from_uint8, rng, to_uint8
from creps.data import open_data
from creps.distributions import distances, usual
from creps.filters import box_reduce, resample
from creps.metrics import added, psnr
from creps.octaves import Patch, looking_into, richest
from creps.peers import load
from creps.settings import Settings

def places(octave: int, count: int, seed: int) -> list[Patch]:
    "Random windows inside the unit square."
    side, dice = 2**-octave, np.random.default_rng([seed, octave])
    return [Patch(octave, tuple(side / 2 + (1 - side) * dice.random(2))) for _ in range(count)]

def code(G, number: int) -> torch.Tensor: return G.mapping(torch.randn(1, G.z_dim, generator=rng(number)))

def views(G, seen: list[Patch], size: int) -> np.ndarray:  # uint8 [count, size, size, 3]
    return np.concatenate([to_uint8(G.draw(code(G, i), size, p.view)) for i, p in enumerate(seen)])

def enlarged(G, seen: list[Patch]) -> np.ndarray:
    def part(i: int, p: Patch) -> torch.Tensor:
        side = 2**-p.octave
        rows, cols = ((middle - side / 2, side) for middle in p.center)
        return resample(G.draw(code(G, i), G.resolution), G.resolution, rows, cols)
    return np.concatenate([to_uint8(part(i, p)) for i, p in enumerate(seen)])

def agreement(G, seen: list[Patch]) -> float:
    "Mean PSNR in dB of views against the middles of those at half the zoom."
    R, found = G.resolution, []
    for i, p in enumerate(seen):
        windows = p.view, View(p.center, p.view.zoom / 2)
        near, far = (G.draw(code(G, i), R, window).clamp(-1, 1) for window in windows)
        found.append(psnr(box_reduce(near, 2), far[..., R // 4:-R // 4, R // 4:-R // 4]))
    return torch.cat(found).clamp(max=150).mean().item()

def strip(G, numbers, size: int, octaves: int) -> np.ndarray:  # uint8 [len(numbers) * size, (octaves + 1) * size, 3]
    "Codes from above to below, octaves from left to right: the windows that `richest` finds."
    def draws(number: int): return lambda view: to_uint8(G.draw(code(G, number), size, view))[0]
    return np.vstack([np.hstack([draws(n)(view) for view in richest(draws(n), octaves)]) for n in numbers])

def settings_of(model: str, out: Path) -> Settings:
    if last_good(model): return load_settings(model)
    return Settings.from_json(json.loads(out.read_text())["settings"])

@torch.no_grad()
def main(model: str, out: str, count: str = "256", *others: str):
    G, settings, n = Generator.from_pretrained(model), settings_of(model, Path(out)), int(count)
    # a plane of 64 px that was trained on patches of 32 with six octaves is drawn at 64 with five
    finer = round(math.log2(G.resolution / settings.resolution))
    settings = replace(settings, resolution=G.resolution, octaves=settings.octaves - finer)
    world = settings.data or "earth"   # `trial.py` opens it itself, and leaves no name
    number = dict(n=settings.pictures) if world in ("earth", "scenery") else {}
    data = open_data(world, settings.resolution, octaves=settings.octaves, **number)
    look, chance = looking_into(data, settings), np.random.default_rng(0)
    def true(seen: list[Patch]) -> np.ndarray:
        return np.concatenate([look(np.array([chance.integers(len(data))]), p) for p in seen])
    kinds = dict(drawn=lambda seen: views(G, seen, G.resolution), enlarged=lambda seen: enlarged(G, seen), other=true)
    folders = dict(other.split("=", 1) for other in others)
    rivals = {name: load(folder) for name, folder in folders.items()}
    kinds |= {name: partial(views, rival, size=G.resolution) for name, rival in rivals.items()}
    if rivals:
        shown = np.vstack([strip(rival, (0, 2), G.resolution, settings.octaves) for rival in rivals.values()])
        Image.fromarray(shown).save(Path(out).with_suffix(".webp"), lossless=True)
    found, metrics = {}, usual(3)
    for octave in range(settings.octaves + 1):
        real, seen = true(places(octave, n, 1)), places(octave, n, 2)
        def near(fake: np.ndarray) -> dict:
            told = distances(fake, real, metrics)
            adds = added(from_uint8(torch.from_numpy(fake))).mean().item()
            return {m: round(told[m], 3) for m in metrics} | dict(adds=round(adds, 6))
        found[octave] = {kind: near(make(seen)) for kind, make in kinds.items()}
        if octave: found[octave]["agreement"] = round(agreement(G, seen[:32]), 2)
        print(octave, found[octave], flush=True)
    about = dict(count=n, settings=settings.to_json(), versions=versions(), revision=revision())
    about |= {name: load_settings(folder).to_json() for name, folder in folders.items() if last_good(folder)}
    Path(out).write_text(json.dumps(about | dict(octaves=found), indent=1) + "\n")

if __name__ == "__main__": main(*sys.argv[1:])
