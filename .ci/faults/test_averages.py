"""Averages of any length and settings that move: asked for, they are there to the bit; not asked for, they leave no trace."""
import json, shutil
from pathlib import Path
import pytest, torch
from conftest import TINY
from creps import Generator
from creps.averages import average_network
from creps.checkpoint import load_settings

def lines(run): return [json.loads(line) for line in Path(run, "log.jsonl").read_text().splitlines()]

@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    "A run of 96 pictures with averages, snapshots at 48 and 96."
    from conftest import run, write_pictures
    folder = tmp_path_factory.mktemp("kept")
    write_pictures(folder / "d")
    done = run("train", "--data", folder / "d", "--out", folder / "run", *TINY, "--kimg", .096, "--snap", .048, "--averages")
    assert done.rc == 0, done.err
    return folder / "run"

def test_a_composed_average_is_a_network(kept, here, creps):
    names = sorted(p.name for p in (kept / "averages").iterdir())
    assert names == [f"0000000{n}-{w}.safetensors" for n in (48, 96) for w in ("0.05", "0.1")]
    assert creps("average", kept, "--width", .15, "--out", "longer").rc == 0
    assert creps("average", kept, "--kimg", .048, "--out", "earlier").rc == 0
    assert creps("generate", "longer", "--seeds", 0, "--out", "p").rc == 0
    z = torch.randn(1, 16)
    pictures = [Generator.from_pretrained(folder)(z) for folder in ("longer", "earlier", kept)]
    assert all(p.isfinite().all() for p in pictures) and not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[0], pictures[2])

@pytest.mark.parametrize("words, word", [((), "holds no stored averages"), (("--width", .5), "width"), (("--width", "nan"), "width"), (("--kimg", 5), "from 0 to 96")])
def test_an_average_that_cannot_be(words, word, kept, trained, here, creps):
    told = creps("average", kept if words else trained, "--out", "a", *words)
    assert told.rc == 2 and word in told.said and len(told.err.strip().splitlines()) == 1 and not Path("a").exists(), told

def test_averages_of_another_network(kept, here, creps):
    shutil.copytree(kept, "r")
    Generator(16, channel_base=256, channel_max=16, z_dim=16, w_dim=16, mapping_layers=3).save_pretrained("r")
    told = creps("average", "r", "--out", "a")
    assert told.rc == 2 and "not those of its network" in told.said and not Path("a").exists(), told

def test_an_average_overwrites_nothing(kept, here, creps):
    shutil.copytree(kept, "r")
    before = Path("r", "model.safetensors").read_bytes()
    assert creps("average", "r", "--out", "r").rc == 2 and Path("r", "model.safetensors").read_bytes() == before
    for name in ("config.json", "model.safetensors", "log.jsonl"): Path("r", name).unlink()
    for name in ("checkpoints", "sheets"): shutil.rmtree(Path("r", name))
    told = creps("train", "--data", "d", "--out", "r", *TINY, "--kimg", .02)
    assert told.rc == 2 and "averages" in told.said, told

def test_a_run_that_began_without_averages_can_go_on_with_them(trained, here, creps):
    shutil.copytree(trained, "r")
    words = ["train", "--data", "d", "--out", "r", *TINY, "--resume", "latest"]
    told = creps(*words, "--kimg", .08, "--averages")
    assert told.rc == 0 and "averages: False -> True" in told.out and average_network("r").resolution == 16, told
    assert creps(*words, "--kimg", .1).rc == 0 and load_settings("r").averages
    told = creps(*words, "--kimg", .12, "--no-averages")
    assert told.rc == 0 and "averages: True -> False" in told.out and not load_settings("r").averages

def test_who_does_not_ask_finds_no_trace(trained):
    said = lines(trained)[0]["settings"]
    assert not {"averages", "beta2", "burn_in"} & said.keys() and not any("_start" in k for k in said)
    assert not (trained / "averages").exists()

def test_a_burn_in_is_in_the_log_and_goes_on(here, creps):
    words = ["train", "--data", "d", "--out", "r", *TINY, "--augment", .4]
    plan = "--burn-in 4 --gamma 1 --gamma-start 9 --augment-start 0 --beta2-start .9".split()
    assert creps(*words, *plan, "--kimg", 2).rc == 0
    assert creps(*words, "--kimg", 5, "--resume", "latest").rc == 0
    found = {line["kimg"]: (line["gamma"], line["p"]) for line in lines("r") if "gamma" in line}
    assert found[2.0] == pytest.approx((5, .2), abs=.02) and found[4.0] == pytest.approx((1, .4), abs=.01) and found[5.0] == (1, .4), found
    flags = creps("report", "r")
    assert flags.rc == 0 and "--gamma-start 9" in Path("r", "report.html").read_text()

@pytest.mark.parametrize("words, word", [
    (("--burn-in", 3), "gamma_start"), (("--gamma-start", 3), "burn_in"), (("--burn-in", 3, "--augment-start", 0, "--augment", "ada"), "augment=0.3"),
    (("--burn-in", -1), "burn-in"), (("--burn-in", 1, "--lr-start", 0), "lr-start"), (("--burn-in", 1, "--beta2-start", 1), "beta2-start"), (("--beta2", 1), "beta2")])
def test_half_a_schedule(words, word, here, creps):
    told = creps("train", "--data", "d", "--out", "r", *TINY, "--kimg", .02, *words)
    assert told.rc == 2 and word in told.said and len(told.err.strip().splitlines()) == 1 and not Path("r").exists(), told
