"""Areas against points, from scratch at equal processor time:   python results/areas/trial.py DATA [SECONDS [SEED..]]
Trains the ablation's CREPS (preset cpu, 32 px) for SECONDS of processor time in each variant, and measures the average.
Writes a JSON file for each run beside itself (or into the folder AREAS); those that are there are left alone."""
import json, os, subprocess, sys, time
from pathlib import Path
import numpy as np, torch
from creps.ablation import WORLDS, alike, by_points, pictures, setup, settings_of, shown, truth
from creps.artefacts import Jitter
from creps.checkpoint import versions
from creps.core import from_uint8
from creps.data import Sampler
from creps.distributions import distances
from creps.metrics import swd_levels
from creps.step import TrainingStep

here = Path(os.environ.get("AREAS", Path(__file__).parent))
VARIANTS = {"points": (1, TrainingStep), "areas of 2 x 2": (2, TrainingStep), "jittered points": (1, Jitter)}
SCALES = 1, 2, 4
PLACES = {1: SCALES, 2: SCALES, 4: SCALES[:2]}  # along a side of each pixel: the sizes that are drawn

def train(s: dict, places: int, rule: TrainingStep, seconds: float) -> tuple:
    "The average after `seconds` of processor time, and how many thousand pictures it took."
    settings = settings_of(s | dict(supersample=places))
    rule.ema_rampup = True
    data = pictures(s["data"], s["resolution"], s["pictures"])
    data.batch(np.arange(len(data)))  # drawn once, before any clock runs
    state = rule.begin(settings)
    began, numbers = time.process_time(), Sampler(len(data), settings.batch, settings.seed)
    while time.process_time() - began < seconds:
        real = from_uint8(torch.from_numpy(data.batch(next(numbers))[0]))
        rule(state, settings, (real, None, None))
    return state.ema.eval(), state.step * settings.batch / 1000

def distance(fake: np.ndarray, real: np.ndarray) -> dict:
    levels = swd_levels(fake, real)
    found = distances(fake, real, ["lite1-frechet"])
    return dict(frechet=found["lite1-frechet"], swd=sum(levels.values()) / len(levels), octave=levels[max(levels)])

def compared(sizes: dict) -> list[dict]:
    "How each size agrees with the next, and what the larger one adds."
    tensors = [from_uint8(p) for p in sizes.values()]
    return [alike(*pair) for pair in zip(tensors, tensors[1:])]

def measure(s: dict, G, real: dict) -> dict:
    "Drawn with 1, 2 and 4 places along a side of each pixel: agreement, and the distance to the truth by scale."
    found = {}
    for places, scales in PLACES.items():
        G.supersample = places
        drawn = {scale: shown(s, G, scale) for scale in scales}
        truly = {scale: distance(drawn[scale], real[scale]) for scale in scales}
        found[places] = dict(alike=compared(drawn), truth=truly)
    return found

def of_truth(s: dict, real: dict) -> dict:
    "What the data themselves get in the place of a network: areas, points, and the floor."
    world = pictures(s["data"], s["resolution"], s["pictures"]).world
    some, sizes = range(s["codes"]), [scale * s["resolution"] for scale in SCALES]
    areas = {n: world.at(n).draw(some) for n in sizes}
    points = {n: by_points(world, some, n) for n in sizes}
    others = {scale: truth(s, scale, skip=s["samples"]) for scale in SCALES}
    floor = {scale: distance(others[scale], real[scale]) for scale in SCALES}
    return dict(areas=compared(areas), points=compared(points), floor=floor)

def revision() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=Path(__file__).parent,
                          capture_output=True, text=True)
    return told.stdout.strip() or "unknown"

def write(name: str, found: dict):
    (here / f"{name.replace(' ', '-')}.json").write_text(json.dumps(found, indent=1) + "\n")

def main(data: str, seconds: float = 900., *seeds: int):
    s = setup("cpu", "CREPS", data)
    assert data in WORLDS, f"{data} is known at one size only"
    real = {scale: truth(s, scale) for scale in SCALES}
    about = dict(data=data, preset="cpu", seconds=seconds, samples=s["far"], threads=torch.get_num_threads())
    about |= dict(versions=versions(), revision=revision())
    if not (here / f"{data}-truth.json").exists():
        write(f"{data}-truth", about | dict(variant="truth", found=of_truth(s, real)))
    for seed in seeds:
        for name, (places, rule) in VARIANTS.items():
            if (here / f"{data}-{name.replace(' ', '-')}-seed{seed}.json").exists(): continue
            of_seed = setup("cpu", "CREPS", data, seed)
            G, kimg = train(of_seed, places, rule(), seconds)
            found = measure(of_seed, G, real)
            run = dict(variant=name, seed=seed, trained=places, kimg=kimg, found=found)
            write(f"{data}-{name}-seed{seed}", about | run)
            said = {k: (v["alike"][0]["psnr"], v["truth"][1]["frechet"]) for k, v in found.items()}
            print(data, name, seed, kimg, said, flush=True)

if __name__ == "__main__": main(sys.argv[1], *map(float, sys.argv[2:3]), *map(int, sys.argv[3:]))
