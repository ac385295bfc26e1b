"""From a run to the network that comes with the package:   python results/portraits-64-grown/ship.py RUN [WIDTH]
RUN is a training at 64 px that was begun with `networks.safetensors` beside this file. Its average G (with WIDTH that of
`creps average --width WIDTH`) is measured and written into creps/models/portraits-64, with the card; its networks, in half
precision, and its log replace those beside this file, so that the next training begins there."""
import json, sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from creps import Generator
from creps.ablation import octaves, setup
from creps.averages import average_network
from creps.checkpoint import find_checkpoint, read_tensors, versions
from creps.data import open_data
from creps.distributions import evaluate
from creps.metrics import consistency

here = Path(__file__).parent
model = here.parent.parent / "creps/models/portraits-64"
NAMES = ["swd", "lite1-frechet", "lite1-kid", "lite1-precision", "lite1-recall"]
MORE = ("creps train --data portraits --out {out} --resolution 64 --init {init} --recipe modern --d-channel-base 4096 "
        "--d-channel-max 64 --mirror --augment ada --ada-kimg 25 --gamma 2 --kimg {kimg:g} --snap 2.5 --averages true")

def lines_of(log: Path) -> list[dict]:
    return [line for line in map(json.loads, log.read_text().splitlines()) if "event" not in line]

def measured(G, about: dict) -> dict:
    data = open_data("portraits", 64, mirror=True)
    s = setup("cpu", "CREPS", "portraits") | dict(resolution=64, scales=[1, 2, 4])
    found = dict(evaluate={"1": evaluate(G, data, NAMES, 384)}, octaves=octaves(s, G))
    return about | found | dict(consistency=consistency(G, (64, 128), 256))

def card(about: dict) -> str:
    now, before, same = about["evaluate"]["1"], about["untrained"], about["consistency"]
    rows = []
    for scale, found in about["octaves"].items():
        floor = about["truth"]["octaves"][scale]["drawn"]["frechet"]
        values = found["drawn"]["frechet"], found["enlarged"]["frechet"], floor
        rows.append(f"| {64 * int(scale)} x {64 * int(scale)} | " + " | ".join(f"{v:.0f}" for v in values) + " |")
    far = about["octaves"]["4"]
    nearer = "nearer to" if far["drawn"]["frechet"] < far["enlarged"]["frechet"] else "farther from"
    minutes = sum(t["seconds"] for t in about["trainings"]) / 60
    commands = "\n".join(t["command"] for t in about["trainings"])
    text = (here / "card.md").read_text()
    return text.format(
        minutes=f"{minutes:.0f}", commands=commands, rows="\n".join(rows), nearer=nearer,
        swd=f"{now['swd']:.1f}", frechet=f"{now['lite1-frechet']:.0f}", swd_before=f"{before['swd']:.0f}",
        frechet_before=f"{before['lite1-frechet']:.0f}", precision=f"{now['lite1-precision']:.2f}",
        recall=f"{now['lite1-recall']:.2f}", psnr=f"{same['psnr']:.1f} ± {same['psnr_std']:.1f}",
        ssim=f"{same['ssim']:.4f}", points=f"{about['truth']['points']['psnr']:.1f}")

@torch.no_grad()
def main(run: str, width: str | None = None):
    G = average_network(run, float(width)) if width else Generator.from_pretrained(run)
    about = json.loads((model / "about.json").read_text())
    log = lines_of(Path(run, "log.jsonl"))
    kimg, seconds = log[-1]["kimg"], round(sum(line["seconds"] for line in log))
    names = ["portraits-64", *(f"portraits-64-{n}" for n in range(2, 9))]
    done = len(about["trainings"]) - 1   # trainings at 64 px before this one
    command = MORE.format(out=names[done], init=names[done - 1], kimg=kimg)
    about["trainings"].append(dict(resolution=64, kimg=kimg, seconds=seconds, command=command))
    about |= dict(versions=versions(), average=f"relative width {width}" if width else "half-life of 5 kimg")
    about = measured(G, about)
    G.save_pretrained(model)
    (model / "about.json").write_text(json.dumps(about, indent=1) + "\n")
    (model / "README.md").write_text(card(about))
    tensors, _ = read_tensors(find_checkpoint(run, "latest"))
    networks = {k: v.half() for k, v in tensors.items() if k.split(".")[0] in ("G", "D", "ema") and v.is_floating_point()}
    save_file(networks, here / "networks.safetensors")
    (here / f"log-64-{done + 1}.jsonl").write_text(Path(run, "log.jsonl").read_text())

if __name__ == "__main__": main(*sys.argv[1:])
