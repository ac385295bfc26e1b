"""What `creps.project` finds, against the truth:   python results/project/measure.py [MODEL [OUT]]
Three kinds of targets of the training's size: the network's own pictures (code w); drawings of the same kind that no
training has seen (w, and w+); and both again where half of the pixels, scattered, are known. Beside each stands what needs
no network: bicubic enlargement, and for the holes the mean of the known pixels around, weighted by a narrow bell curve.
Everything is compared at the target's size and at four times that, with the true drawing or the network's own. OUT.json gets
the numbers and OUT.safetensors the style codes; a row that is there already is left alone, so the command can be interrupted
and given again."""
import hashlib, json, math, sys, time
from pathlib import Path
import torch, torch.nn.functional as F
from safetensors.torch import load_file, save_file
from creps import Generator
from creps.ablation import revision
from creps.checkpoint import versions
from creps.core import from_uint8, resident_peak, rng, write_whole
from creps.metrics import psnr
from creps.project import feature_distance, lite1_distance, project
from creps.vectors import Drawings

TIMES, SEEDS = 4, range(4)
DESIGNS = "man-pouting", "woman-pouting", "person-pouting"
HELD = [f"{design}-{tone}-skin-tone" for design in DESIGNS for tone in ("light", "dark")]

def scattered(size: int, seed: int) -> torch.Tensor:  # [size, size] of zeros and ones
    return (torch.rand(size, size, generator=rng(seed, 7)) < .5).float()

def filled(picture: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    "The holes of a picture as weighted means of what is known around them."
    row = torch.exp(-torch.arange(-3., 4)**2 / 2)
    bell = torch.outer(row, row)[None, None]
    def spread(x): return F.conv2d(x.transpose(0, 1), bell, padding=3).transpose(0, 1)
    guess = spread(picture * known) / spread(known[None, None]).clamp(min=1e-6)
    return torch.where(known > 0, picture, guess)

def enlarged(picture: torch.Tensor) -> torch.Tensor:
    return F.interpolate(picture, scale_factor=TIMES, mode="bicubic", align_corners=False).clamp(-1, 1)

def compared(small, large, true_small, true_large, known=None) -> dict[str, float]:
    "PSNR in dB and lite1's distance at the target's size and at TIMES that; with a mask also where nothing was known."
    found = dict(psnr=psnr(small, true_small), psnr_4x=psnr(large, true_large),
                 lite1=lite1_distance(small, true_small), lite1_4x=lite1_distance(large, true_large))
    out = {k: round(min(float(v), 150.), 4) for k, v in found.items()}   # equal pictures have no finite PSNR
    if known is None: return out
    hidden = (1 - known).bool().expand_as(true_small)
    return out | dict(psnr_hidden=round(-10 * math.log10(float((small - true_small)[hidden].square().mean()) / 4), 4))

@torch.no_grad()
def targets(G) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    "name -> (picture at the training's size, the same at TIMES that size)."
    R, out = G.resolution, {}
    def eight_bits(x): return (x.clamp(-1, 1) * 127.5).round() / 127.5
    for seed in SEEDS:
        ws = G.mapping(torch.randn(1, G.z_dim, generator=rng(1000 + seed)))
        out[f"own {seed}"] = tuple(eight_bits(G.draw(ws, n)) for n in (R, TIMES * R))
    drawn = [from_uint8(torch.from_numpy(Drawings(HELD, n).draw(range(len(HELD))))) for n in (R, TIMES * R)]
    return out | {name: pair for name, *pair in zip(HELD, *(x.split(1) for x in drawn))}

def digest(G) -> str:
    "Of a network's weights: codes are worth nothing for another one."
    found = hashlib.sha256()
    for name, w in sorted(G.state_dict().items()): found.update(name.encode() + w.numpy().tobytes())
    return found.hexdigest()[:16]

def jobs(names):
    "(target, masked, space)"
    for name in names:
        own = name.startswith("own")
        for masked in (False, True):
            for space in ("w",) if own else ("w", "w+"): yield name, masked, space

def main(model: str = "portraits-64", out: str | None = None):
    base = out or str(Path(__file__).parent / model)
    file, codes_file = Path(base + ".json"), Path(base + ".safetensors")
    G = Generator.from_pretrained(model).requires_grad_(False)
    distance, said = feature_distance("lite1")
    about = dict(model=model, network=digest(G), compared_by=said, device="cpu", threads=1)
    found = json.loads(file.read_text()) if file.exists() else dict(rows=[])
    if found.get("network") != about["network"]: found = about | dict(versions=versions(), revision=revision(), rows=[])
    codes = load_file(codes_file) if found["rows"] else {}
    pictures = targets(G)
    for name, masked, space in jobs(pictures):
        key = f"{name}, {space}" + (", half" if masked else "")
        if key in codes: continue
        small, large = pictures[name]
        known = scattered(G.resolution, list(pictures).index(name)) if masked else None
        before, begun = resident_peak(), time.process_time()
        result = project(G, small, known, space=space)
        seconds, more = time.process_time() - begun, (resident_peak() - before) / 2**20
        with torch.no_grad(): drawn = [G.draw(result.ws, TIMES**i * G.resolution).clamp(-1, 1) for i in range(2)]
        plain = small if known is None else filled(small, known)
        row = dict(key=key, target=name, masked=masked, space=space, seconds=round(seconds, 1), extra_mb=round(more))
        row |= dict(found=compared(*drawn, small, large, known))
        row |= dict(enlarged=compared(plain, enlarged(plain), small, large, known))
        found["rows"].append(row)
        codes[key] = result.ws.detach().contiguous()
        write_whole(codes_file, lambda path: save_file(codes, path))
        write_whole(file, lambda path: Path(path).write_text(json.dumps(found, indent=1) + "\n"))
        print(row, flush=True)

if __name__ == "__main__": main(*sys.argv[1:])
