"""Nothing that a user has is lost or overwritten: folders, logs, runs that fail, runs side by side."""
import json, os, shutil, signal, subprocess, sys, time
from pathlib import Path
import pytest
from conftest import TINY, write_pictures
from safetensors.torch import load_file
from creps import log as runlog, train
from creps.checkpoint import checkpoints, run_folder, sweep, write_whole
from creps.data import BadData, open_data
from creps.processes import first_process

small = dict(resolution=16, batch=8, channel_base=256, channel_max=16, d_channel_base=256, d_channel_max=16,
             biline_channels=4, z_dim=16, w_dim=16, device="cpu", progress=False)

@pytest.fixture
def run(trained, here):
    "A copy of a trained run in the current folder."
    return Path(shutil.copytree(trained, "r"))

def bytes_in(folder): return {p: p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}

@pytest.mark.parametrize("left", ["nothing", "damaged", "renamed"])
def test_resume_without_a_checkpoint_keeps_the_network(run, creps, left):
    for path in checkpoints(run):
        if left == "damaged": path.write_bytes(path.read_bytes()[:5000])
        else: path.rename(path.with_name("mine.safetensors")) if left == "renamed" else path.unlink()
    before = bytes_in(run)
    done = creps("train", "--data", "d", "--out", run, *TINY, "--kimg", .05, "--resume", "latest")
    assert done.rc == 2 and "--init r" in done.said and bytes_in(run) == before

def test_resume_in_a_new_or_an_empty_folder_begins_at_zero(here, creps):
    Path("empty").mkdir()
    for out in ("new", "empty"):
        assert creps("train", "--data", "d", "--out", out, *TINY, "--kimg", .02, "--resume", "latest").rc == 0
        assert checkpoints(out)

@pytest.mark.parametrize("more", [[], ["--init", "r"]])
def test_a_network_is_not_overwritten(run, creps, more):
    for name in ("checkpoints", "sheets"): shutil.rmtree(run / name)
    (run / "log.jsonl").unlink()
    before = bytes_in(run)
    done = creps("train", "--data", "d", "--out", run, *TINY, "--kimg", .02, *more)
    assert done.rc == 2 and "model.safetensors" in done.said and bytes_in(run) == before

@pytest.mark.parametrize("name", ["best/model.safetensors", "config.json", "sheets/000000016.png", "checkpoints/000000016.safetensors"])
def test_what_a_run_would_write_is_not_overwritten(here, creps, name):
    path = Path("r", name)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    assert creps("train", "--data", "d", "--out", "r", *TINY, "--kimg", .02).rc == 2 and path.read_bytes() == b"mine"

def test_resume_from_elsewhere_does_not_overwrite_another_run(run, creps):
    shutil.copytree(run, "other")
    before = bytes_in("other")
    done = creps("train", "--data", "d", "--out", "other", *TINY, "--kimg", .1, "--resume", checkpoints(run)[-1])
    assert done.rc == 2 and bytes_in("other") == before

def test_convert_does_not_overwrite_a_network(run, creps):
    before = bytes_in(run)
    assert creps("convert", "whatever.pkl", "--out", run).rc == 2 and bytes_in(run) == before

def test_foreign_files_stay(here, creps):
    mine = [Path("r", name) for name in (".network-notes/thesis.txt", "sub/.network-notes/thesis.txt", ".x.json.k3v_9x0a.json", "sub/.a.txt.abcdefgh.txt",
                                         "checkpoints/best.safetensors", "sub/.x.json.creps-k3v_9x0a.json", ".network.creps-k3v_9x0a/thesis.txt")]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious")
    assert creps("train", "--data", "d", "--out", "r", *TINY, "--kimg", .04, "--snap", .008, "--keep", 1).rc == 0
    assert all(path.read_text() == "precious" for path in mine) and len(checkpoints("r")) == 1

def test_own_leftovers_go(here):
    class Killed(BaseException): ...
    def killed(path): os.link(path, Path("r", "kept")); raise Killed
    with pytest.raises(Killed): write_whole(Path("r", "x.json"), killed)
    names = []
    write_whole(Path("r", "x.json"), lambda p: names.append(Path(p).name) or Path(p).write_text("x"))
    Path("r", names[0]).write_text("half")
    sweep("r")
    assert sorted(p.name for p in Path("r").iterdir()) == ["kept", "x.json"]

class Vanishing:
    "A data set that can't read any more after some batches."
    shape, label_dim = (16, 16, 3), 0
    def __init__(self, error, good): self.data, self.error, self.left = open_data("d", 16), error, good
    def __len__(self): return len(self.data)
    def batch(self, indices):
        self.left -= 1
        if self.left < 0: raise self.error
        return self.data.batch(indices)

@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file or directory", "d/07.png"), BadData("d/07.png is damaged"), RuntimeError("kernel")])
def test_an_error_in_the_loop_loses_no_step(here, capsys, error):
    with pytest.raises(type(error)): train.fit(Vanishing(error, 6), "r", kimg=50, **small)   # one batch is for the sheet
    saved = checkpoints("r")
    assert [p.stem for p in saved] == ["000000040"] and load_file("r/model.safetensors") and "--resume latest" in capsys.readouterr().out
    train.fit(open_data("d", 16), "r", kimg=.08, resume="latest", **small)
    train.fit(open_data("d", 16), "straight", kimg=.08, **small)
    a, b = (load_file(Path(out, "model.safetensors")) for out in ("r", "straight"))
    assert all((a[k] == b[k]).all() for k in a)

def test_an_error_within_a_step_saves_too(here, capsys):
    class Breaks(train.TrainingStep):
        def d_main(self, it):
            if it.state.images >= 24: raise RuntimeError("the device has gone")
            return super().d_main(it)
    with pytest.raises(RuntimeError, match="gone"): train.fit(open_data("d", 16), "r", kimg=50, step_rule=Breaks(), **small)
    assert [p.stem for p in checkpoints("r")] == ["000000024"] and "but for the step" in capsys.readouterr().out

def test_a_run_that_never_began_leaves_no_folder(here, creps, capsys):
    class Hungry(train.TrainingStep):
        def g_main(self, it): raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
    with pytest.raises(ValueError, match="--batch-device"): train.fit(open_data("d", 16), "a/r", kimg=50, step_rule=Hungry(), **small)
    assert not Path("a").exists()
    assert creps("train", "--data", "nowhere", "--out", "b", *TINY).rc == 2 and not Path("b").exists()
    Path("c").mkdir()
    Path("c", "log.jsonl").write_text('{"event": "start", "kimg": 0.0}\n')   # killed before its first step
    assert creps("train", "--data", "d", "--out", "c", *TINY, "--kimg", .02).rc == 0

def test_two_runs_in_one_folder(run, creps):
    with run_folder(run):
        before = bytes_in(run)
        code = f"from creps.train import fit; fit('d', 'r', kimg=.1, resume='latest', **{small!r})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode and f"process {os.getpid()} on" in done.stderr and bytes_in(run) == before
    Path(run, "run.lock").write_text("process 1 on a machine that is no more")
    assert creps("train", "--data", "d", "--out", run, *TINY, "--kimg", .06, "--resume", "latest").rc == 0
    assert not Path(run, "run.lock").exists()

def test_half_a_line_does_not_swallow_the_next(here):
    log = runlog.Log("log.jsonl", 0, 1000, show=False)
    Path("log.jsonl").write_text('{"event": "start"}\n{"kimg": 1.0, "lo')
    log.say(dict(event="resume"))
    assert Path("log.jsonl").read_text().splitlines() == ['{"event": "start"}', '{"kimg": 1.0, "lo', '{"event": "resume"}']

@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_names_the_file(here):
    def fill(path):
        with open("/dev/full", "wb") as f: f.write(b"x")
    with pytest.raises(OSError, match="x.json") as told: write_whole("x.json", fill)
    assert told.value.filename == "x.json" and not Path("x.json").exists()
    os.symlink("/dev/full", "log.jsonl")
    with pytest.raises(OSError) as told: runlog.append_line("log.jsonl", "{}")
    assert told.value.filename == "log.jsonl"

def ended(process, seconds=20):
    for _ in range(20 * seconds):
        if not alive(process): return True
        time.sleep(.05)
    return False

def alive(pid):
    try: return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError: return False

@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("processes, number", [(1, signal.SIGHUP), (2, signal.SIGHUP), (2, signal.SIGKILL)])
def test_the_terminal_closes(here, processes, number):
    words = ["-c", "import sys; from creps.cli import main; sys.exit(main())"]
    started = subprocess.Popen([sys.executable, *words, "train", "--data", "d", "--out", "r", *TINY, "--kimg", "500", "--snap", ".2", "--processes", str(processes)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))   # `nohup` leaves it ignored
    while started.poll() is None and not (Path("r/checkpoints").exists() and checkpoints("r")): time.sleep(.05)
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
    started.send_signal(number)
    assert started.wait(30) == (-number if number == signal.SIGKILL else 128 + number)
    assert len(children) == (processes if processes > 1 else 0) and all(ended(pid) for pid in children)
    events = [json.loads(line).get("event") for line in Path("r/log.jsonl").read_text().splitlines()]
    assert "interrupted" in events and not Path("r/run.lock").exists()

def test_processes_do_not_import_from_the_current_folder(here, shell):
    Path("creps").mkdir()
    Path("numpy.py").write_text("raise SystemExit('the wrong numpy')")
    done = shell("creps train --data d --out r $T --kimg .02 --processes 2")
    assert done.rc == 0 and checkpoints("r"), done.err

def test_rank_alone_silences_nothing(monkeypatch, creps):
    monkeypatch.setenv("RANK", "1")
    assert first_process() and creps("generate", "nowhere", "--grid", "g.png").said
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not first_process()

def test_senseless_wishes_are_refused_before_training(here):
    with pytest.raises(ValueError, match="keep must be at least 1"): train.fit("d", "r", kimg=.02, keep=0, **small)
    with pytest.raises(ValueError, match="needs a metric"): train.fit("d", "r", kimg=.02, best="swd", **small)
    assert not Path("r").exists()
