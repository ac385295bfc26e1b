"""The ablation: claims on trainings, folders that are too small, and the statistics of its verdicts."""
import json, subprocess, sys
import pytest
from creps.ablation import jobs, step_on
from creps.checkpoint import run_folder
from creps.verdicts import Better, claims, holm, paired, together, welch

def test_a_training_belongs_to_one_process(tmp_path, shell):
    "The second process says so, and leaves the training alone."
    job = jobs("smoke", "scenery/creps", results=tmp_path)[-1]
    with run_folder(job.run):
        done = shell(f"creps ablate --preset smoke --only scenery/creps --results {tmp_path}")
    assert done.rc == 0, done.err
    assert "CREPS-seed0: another process is at it" in done.err and not job.path.exists()

def test_a_process_that_dies_lets_its_training_go(tmp_path):
    job = jobs("smoke", "scenery/creps", results=tmp_path)[-1]
    words = "import os, sys; from creps.checkpoint import run_folder; claim = run_folder(sys.argv[1]); claim.__enter__(); os._exit(1)"
    subprocess.run([sys.executable, "-c", words, str(job.run)])
    assert (job.run / "run.lock").exists()
    with run_folder(job.run): pass

def test_what_is_done_is_not_done_again(tmp_path):
    "Another process may have finished a training between the look at its file and the claim."
    job = jobs("smoke", "scenery/creps", results=tmp_path)[-1]
    job.path.parent.mkdir(parents=True)
    job.path.write_text(json.dumps(dict(settings=job.settings, system="CREPS")))
    said = []
    assert step_on(job, False, "cpu", said.append)["system"] == "CREPS" and not said

@pytest.mark.parametrize("words, told", [
    ("--only scenery/biggan", "no training 'scenery/biggan'"), ("--only nowhere", "no training 'nowhere'"), ("--seeds few", "seeds must be like"),
    ("--preset big", "no preset 'big'"), ("--data d", "at least 32 pictures with as many others, and there are 32")])
def test_a_mistake_is_one_line(here, creps, words, told):
    done = creps("ablate", *words.split(), "--results", "r")
    assert done.rc == 2 and told in done.said and len(done.err.strip().splitlines()) == 1, done.err

def test_results_of_other_settings_are_kept(tmp_path, creps):
    job = jobs("smoke", "scenery/creps", results=tmp_path)[-1]
    job.path.parent.mkdir(parents=True)
    job.path.write_text(json.dumps(dict(settings=job.settings | dict(kimg=7.))))
    done = creps("ablate", "--only", "scenery/creps", "--results", tmp_path)
    assert done.rc == 2 and "other settings (kimg: 7.0, now 0.16)" in done.said

@pytest.mark.parametrize("seeds, quantile", [(2, 12.706), (3, 4.303), (5, 2.776), (11, 2.228)])
def test_the_interval_is_as_wide_as_students_table_says(seeds, quantile):
    values = [float(k) for k in range(seeds)]
    deviation = (sum((v - (seeds - 1) / 2)**2 for v in values) / (seeds - 1))**.5
    found = paired(values, [0.] * seeds)
    assert (found.high - found.middle) / (deviation / seeds**.5) == pytest.approx(quantile, abs=5e-4)

def test_welch_with_unequal_spreads():
    "By hand: variances 1 and 16 of three values each; 17/3 and its degrees of freedom 2.248..."
    found = welch([1., 2., 3.], [0., 4., 8.])
    freedom = (17 / 3)**2 / ((1 / 3)**2 / 2 + (16 / 3)**2 / 2)
    assert found.middle == -2 and freedom == pytest.approx(2.2490, abs=1e-4)
    assert found.low < -2 - 3.18 * (17 / 3)**.5 < -2 - 2 * (17 / 3)**.5   # three degrees would give 3.182

def test_holm_by_hand():
    "Sorted .005, .01, .03, .04 of four: times 4, 3, 2, 1, and none below the one before."
    assert holm([.04, .01, .03, .005]) == pytest.approx([.06, .03, .06, .02])
    assert holm([None, .2]) == [None, .2] and holm([]) == []

def row(system, seed, frechet): return dict(system=system, data="portraits", seed=seed, preset="cpu", frechet=frechet, how={})

def test_one_seed_proves_nothing():
    pair = Better("frechet", "CREPS", "CIPS")
    interval = pair.interval([row("CREPS", 0, 1.), row("CIPS", 0, 1000.)])
    assert interval.low is None and pair.verdict(interval, None) == "undecided"

def test_a_clear_difference_the_other_way_is_a_contradiction():
    rows = [row(v, k, f * (1 + .001 * k)) for v, f in (("CREPS", 100.), ("CIPS", 50.)) for k in range(3)]
    assert {c["claim"]: c["verdict"] for c in claims(rows)}["CREPS surpasses CIPS in quality"] == "contradicted"
    assert together(["supported", "contradicted"]) == "contradicted"
