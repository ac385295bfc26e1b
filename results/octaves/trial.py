"""Two choices of `creps train --octaves`, by short trainings:   python results/octaves/trial.py RUNS [KIMG [SEED..]]
Trains small networks on maps for KIMG thousand patches, six octaves at 32 px, in three ways: D is told the octave and the
place of a patch, as `OctaveStep` tells it; the octave alone; and all patches are from *one* map, so that the codes are no
worlds of their own. The runs go into the folder RUNS. Each is measured by `measure.py`, against the maps that it learned
from, and leaves a JSON file beside this one (or in the folder TRIALS); those that are there are left alone."""
import os, subprocess, sys
from pathlib import Path
import torch
from creps import fit
from creps.data import open_data
from creps.octaves import OctaveStep
from creps.step import Iteration

here = Path(__file__).parent
COUNT = 96   # windows of each octave
NARROW = dict(channel_base=4096, channel_max=64, d_channel_base=4096, d_channel_max=64, biline_channels=16, z_dim=64,
              w_dim=64, mapping_layers=2, batch=16)
USUAL = dict(resolution=32, plane=64, octaves=6, octave_kimg=5., supersample=2, recipe="modern", gamma=1., ema_kimg=5.,
             precision="bfloat16", device="cpu")

class Placeless(OctaveStep):
    "D is told the octave alone."
    def view(self, it: Iteration, real: torch.Tensor) -> tuple:
        real, known = super().view(it, real)
        known["told"][:, -2:] = 0
        return real, known

VARIANTS = {"octave-and-place": (OctaveStep, 10000), "octave-alone": (Placeless, 10000), "one-map": (OctaveStep, 1)}

def main(runs: str, kimg: str = "12", *seeds: str):
    for seed in seeds or ["0"]:
        for name, (rule, maps) in VARIANTS.items():
            out = Path(os.environ.get("TRIALS", here), f"trial-{name}-seed{seed}.json")
            if out.exists(): continue
            folder = Path(runs, f"{name}-seed{seed}")
            data = open_data("earth", 32, n=maps, octaves=6)
            fit(data, folder, step_rule=rule(), kimg=float(kimg), seed=int(seed), snap=float(kimg) / 2, resume="latest",
                progress=False, **NARROW, **USUAL)
            subprocess.run([sys.executable, here / "measure.py", folder, out, str(COUNT)], check=True)

if __name__ == "__main__": main(*sys.argv[1:])
