"""Areas against points, at equal processor time:   python results/areas/trial.py [SECONDS [SEED..]]
Begins with results/portraits-64 (trained on points), goes on for SECONDS of processor time in each variant, and measures.
Writes a JSON file for each run beside itself; those that are there are left alone."""
import json, subprocess, sys, time
from pathlib import Path
import numpy as np, torch
from safetensors.torch import load_file
from creps import Discriminator, Generator
from creps.artefacts import Jitter
from creps.checkpoint import versions
from creps.core import from_uint8, rng, to_uint8
from creps.data import Sampler, open_data
from creps.distributions import distances
from creps.filters import box_reduce
from creps.metrics import psnr, swd_levels
from creps.settings import Settings, settle
from creps.step import TrainingStep
from creps.train import take_over

here, COUNT = Path(__file__).parent, 128
start = here.parent / "portraits-64"
VARIANTS = {"points": (1, TrainingStep()), "areas of 2 x 2": (2, TrainingStep()),
            "jittered points": (1, Jitter(.5))}
WIDTHS = dict(d_channel_base=4096, d_channel_max=64)

def networks() -> tuple[Generator, Discriminator]:
    weights = load_file(start / "networks.safetensors")
    def part(name):
        return {k.removeprefix(name + "."): v.float() for k, v in weights.items() if k.startswith(name + ".")}
    G = Generator(**json.loads((start / "config.json").read_text()))
    D = Discriminator(64, channel_base=4096, channel_max=64)
    G.load_state_dict(part("ema"))
    D.load_state_dict(part("D"))
    return G, D

def train(data, seed: int, places: int, rule: TrainingStep, seconds: float) -> tuple:
    "The average after `seconds` of processor time, the steps that were taken, and the pictures of each."
    G, D = networks()
    wish = Settings(recipe="modern", augment="0.2", mirror=True, seed=seed, supersample=places, ema_kimg=1., **WIDTHS)
    settings = settle(wish, network=G)
    state = rule.begin(settings)
    take_over(state, (G, D))
    began, numbers = time.process_time(), Sampler(len(data), settings.batch, seed)
    while time.process_time() - began < seconds:
        real = from_uint8(torch.from_numpy(data.batch(next(numbers))[0]))
        rule(state, settings, (real, None, None))
    return state.ema, state.step, settings.batch

@torch.no_grad()
def pictures(G, places: int, size: int, count: int = COUNT) -> torch.Tensor:
    G.supersample = places
    z = torch.randn(count, G.z_dim, generator=rng(1))
    return torch.cat([G(part, size=size).clamp(-1, 1) for part in z.split(16)])

def agreement(small: torch.Tensor, large: torch.Tensor) -> float:
    return psnr(box_reduce(large, 2), small).mean().item()

def distance(fake: np.ndarray, real: np.ndarray) -> dict:
    levels = swd_levels(fake, real)
    lite1 = distances(fake, real, ["lite1-frechet"])["lite1-frechet"]
    return dict(swd=sum(levels.values()) / len(levels), octave=levels[max(levels)], lite1=lite1)

def measure(G, real: dict) -> dict:
    "PSNR between 64 and 128 px with 1, 2 and 4 places along a side; with 1 and 2 the distance to the truth."
    found = {}
    for places in (1, 2):
        drawn = {n: pictures(G, places, n) for n in real}
        near = {str(n): distance(to_uint8(p), real[n]) for n, p in drawn.items()}
        found[places] = dict(psnr=agreement(*drawn.values())) | near
    return found | {4: dict(psnr=agreement(*(pictures(G, 4, n, 16) for n in real)))}

def revision() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True)
    return told.stdout.strip() or "unknown"

def main(seconds: float = 150., *seeds: int):
    data = open_data("portraits", 64, mirror=True)
    real = {n: open_data("portraits", n, mirror=True).batch(np.arange(768))[0][::3] for n in (64, 128)}
    data.batch(np.arange(len(data)))  # drawn once, before any clock runs
    about = dict(data="portraits", recipe="modern", start="results/portraits-64", seconds=seconds, samples=COUNT)
    about |= dict(versions=versions(), revision=revision())
    jobs = [("before", None)] + [(name, seed) for seed in seeds for name in VARIANTS]
    for name, seed in jobs:
        end = "" if seed is None else f"-seed{seed}"
        file = here / f"{name.replace(' ', '-')}{end}.json"
        if file.exists(): continue
        places, rule = VARIANTS.get(name, (1, None))
        if rule: G, steps, batch = train(data, seed, places, rule, seconds)
        else: G, steps, batch = networks()[0].eval(), 0, 0
        found = dict(variant=name, seed=seed, supersample=places, steps=steps, batch=batch) | about
        found["found"] = measure(G, real)
        file.write_text(json.dumps(found, indent=1) + "\n")
        print(name, seed, steps, {k: round(v["psnr"], 1) for k, v in found["found"].items()}, flush=True)

if __name__ == "__main__": main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:]))
