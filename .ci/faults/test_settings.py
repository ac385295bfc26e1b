"""A training has the settings that were asked for: what is said is done, what is not follows from the checkpoint, and nonsense is refused."""
import json, math
from pathlib import Path
import pytest
from conftest import TINY
from creps import train
from creps.checkpoint import load_settings
from creps.data import open_data
from creps.report import chosen, usual

small = dict(resolution=16, batch=8, channel_base=256, channel_max=16, d_channel_base=256, d_channel_max=16,
             biline_channels=4, z_dim=16, w_dim=16, device="cpu", progress=False)

@pytest.mark.parametrize("first, second", [
    (dict(lr=.001), dict(lr=.002)), (dict(augment="ada"), dict(augment="none")), (dict(gamma=5.), dict(gamma=.1)), (dict(seed=3), dict(seed=0)),
    (dict(pl_interval=0), dict(pl_interval=4)), (dict(freeze_d=1), dict(freeze_d=0)), (dict(mirror=True), dict(mirror=False)), (dict(snap=1.), dict(snap=10.))])
def test_a_resumed_run_takes_what_is_said(here, capsys, first, second):
    train.fit("d", "r", kimg=.02, **small | first)
    train.fit("d", "r", kimg=.04, resume="latest", **small | second)
    (k, v), = second.items()
    assert getattr(load_settings("r"), k) == v and f"{k}: {first[k]} -> {v}" in capsys.readouterr().out

def test_what_is_not_said_stays(here):
    said = dict(lr=.001, augment="0.3", mirror=True, snap=.5, kimg=.04, seed=5, r1_interval=8)
    with pytest.raises(KeyboardInterrupt): train.fit("d", "r", metric=stop, **small | said | dict(snap=.02))
    train.fit("d", "r", resume="latest", device="cpu", progress=False)
    settings = load_settings("r")
    assert {k: getattr(settings, k) for k in said} == said | dict(snap=.02) and settings.resolution == 16

def stop(G): raise KeyboardInterrupt

def test_another_network_is_refused(here):
    train.fit("d", "r", kimg=.02, **small)
    for wrong in (dict(decoders=False), dict(rank=4), dict(composition="once"), dict(channel_max=32)):
        with pytest.raises(ValueError, match=f"has {next(iter(wrong))}="): train.fit("d", "r", kimg=.04, resume="latest", **small | wrong)

def test_without_the_labels_a_conditional_run_is_refused(here):
    Path("d", "dataset.json").write_text(json.dumps(dict(labels=[[f"{i:02d}.png", i % 2] for i in range(16)])))
    train.fit("d", "r", kimg=.02, cond=True, **small)
    train.fit("d", "r", kimg=.04, resume="latest", **small)
    assert load_settings("r").label_dim == 2
    with pytest.raises(ValueError, match="label_dim=2"): train.fit("d", "r", kimg=.06, resume="latest", cond=False, **small)

nonsense = [("lr", math.nan), ("lr", math.inf), ("lr", 0), ("lr", -1), ("gamma", math.nan), ("gamma", -1), ("kimg", 0), ("kimg", math.inf), ("snap", math.nan), ("batch", 0), ("batch", 8.5),
            ("batch_device", 0), ("keep", 0), ("seed", .5), ("pl_weight", math.nan), ("ema_kimg", math.nan), ("ada_target", 2), ("bandwidth", 0), ("bandwidth", math.inf), ("z_dim", 0), ("mapping_layers", -1),
            ("max_bad", 1), ("max_bad", math.nan), ("precision", "float"), ("composition", "twice"), ("augment", "nan"), ("augment", "-1"), ("augment", ""), ("resume", ""), ("r1_interval", -1), ("freeze_d", -1),
            ("max_bad_steps", 0), ("resolution", 0), ("image_channels", 2), ("supersample", 0), ("supersample", 17), ("octaves", 11), ("octave_weight", 0), ("shape", "0x16"), ("device", "")]

@pytest.mark.parametrize("name, value", nonsense)
def test_nonsense_is_refused(here, creps, name, value):
    with pytest.raises(ValueError) as told: train.fit("d", "r", **small | {name: value})
    assert "\n" not in str(told.value) and name in str(told.value)
    done = creps("train", "--data", "d", "--out", "r", *TINY, f"--{name.replace('_', '-')}={value}")
    assert done.rc == 2 and len(done.err.strip().splitlines()) == 1 and name in done.err.replace("-", "_") and not Path("r").exists()

@pytest.mark.parametrize("name", ["data", "out", "init", "resume", "metric"])
def test_empty_words_are_refused(here, creps, name):
    said = dict(data="d", out="r") | {name: ""}
    before = sorted(here.iterdir())
    done = creps("train", *[w for k, v in said.items() for w in (f"--{k}", v)], *TINY, "--kimg", .02)
    assert done.rc == 2 and name in done.said and sorted(here.iterdir()) == before
    if name in ("data", "out"):
        with pytest.raises(ValueError, match=name): train.fit(said["data"], said["out"], **small)

def test_octaves_need_pictures_of_every_scale(here, creps):
    done = creps("train", "--data", "d", "--out", "r", *TINY, "--kimg", .02, "--octaves", 3)
    assert done.rc == 2 and "octaves=3 at 16 px needs 128 px" in done.err and not Path("r").exists()
    for wrong in ("--mirror", "--image-channels=1"):
        done = creps("train", "--data", "d", "--out", "r", *TINY, "--kimg", .02, "--octaves", 3, wrong)
        assert done.rc == 2 and "square pictures in RGB" in done.err and not Path("r").exists()

def test_switches_can_be_said_both_ways(here, creps):
    for word, value in (("--mirror", True), ("--no-mirror", False), ("--no-decoders", False)):
        out = word.strip("-")
        assert creps("train", "--data", "d", "--out", out, *TINY, "--kimg", .01, word).rc == 0
        assert getattr(load_settings(out), word.removeprefix("--").removeprefix("no-")) is value

def test_the_report_knows_the_usual_values(here):
    train.fit("d", "r", kimg=.02, **small)
    settings = load_settings("r").to_json()
    assert set(chosen(settings)) <= {"resolution", "kimg", "batch", *(k for k in small if k in settings)} and "kimg" in chosen(settings)
    assert usual(settings)["lr"] == .002 and usual(settings)["batch"] == 16

def test_each_phase_has_its_norm(here):
    log = []
    train.fit("d", "r", kimg=.128, watch=log.append, **small | dict(pl_interval=4, r1_interval=8))
    line = next(l for l in log if "seconds" in l)
    norms = [line[k] for k in ("grad_G", "grad_pl", "grad_D", "grad_r1")]
    assert len(set(norms)) == 4 and all(n > 0 for n in norms)
    log.clear()
    train.fit("d", "without", kimg=.128, watch=log.append, **small | dict(pl_interval=0, r1_interval=0))
    assert not {"grad_pl", "grad_r1"} & set(next(l for l in log if "seconds" in l))
