"""What the cards of portraits-64 and scenery-64 say:   python results/cards/measure.py MODEL [PART ..]
Parts are `evaluate` and `untrained` (distances of samples to the data at the size of the training), `truth` (the same for
other true pictures, which is the floor, and how well true pictures of two sizes agree), `octaves` (distances to the truth at
several sizes) and `consistency`; all of them, if none is named. Each is written into creps/models/MODEL/about.json as soon
as it is there."""
import json, sys
from pathlib import Path
from creps import Generator
from creps.ablation import MEASURES, measure_truth, octaves
from creps.core import seeded, write_whole
from creps.data import open_data
from creps.distributions import evaluate
from creps.metrics import consistency

MODELS = {"portraits-64": ("portraits", 384), "scenery-64": ("scenery", 1000)}   # data, samples
R, CODES = 64, 256                                                               # pixels; codes of the consistency

def main(model: str, *parts: str) -> None:
    data, samples = MODELS[model]
    folder = Path(__file__).resolve().parents[2] / "creps" / "models" / model
    G = Generator.from_pretrained(model).requires_grad_(False)
    s = dict(data=data, resolution=R, pictures=4000, samples=samples, far=128, scales=(1, 2, 4), codes=64)
    def compared(network) -> dict:
        found = evaluate(network, open_data(data, R), list(MEASURES.values()), samples)
        return {name: found[name] for name in (*MEASURES.values(), "labels", "size", "samples", "seed")}
    def untrained() -> dict:
        widths = json.loads((folder / "config.json").read_text())
        return compared(seeded(0, lambda: Generator(**widths)).eval().requires_grad_(False))
    work = dict(
        consistency=lambda: consistency(G, (R, 2 * R), CODES), evaluate=lambda: {"1": compared(G)}, untrained=untrained,
        truth=lambda: measure_truth(s), octaves=lambda: octaves(s, G))
    for part in parts or work:
        found = work[part]()
        about = json.loads((folder / "about.json").read_text()) | {part: found}
        write_whole(folder / "about.json", lambda file: Path(file).write_text(json.dumps(about, indent=1) + "\n"))
        print(part, "is written", flush=True)

if __name__ == "__main__": main(*sys.argv[1:])
