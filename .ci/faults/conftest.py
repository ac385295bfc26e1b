"""Faults that users met, each with the behaviour that holds now.   pytest -q .ci/faults

`creps(...)` runs a command in this process, which takes milliseconds instead of seconds; what depends on a process of its own
(signals, several processes, the environment) uses `shell(...)`.  Everything works on tiny pictures and networks in a new folder.
"""
import contextlib, io, os, subprocess, sys
from pathlib import Path
from types import SimpleNamespace
import numpy as np, pytest, torch
from PIL import Image

os.environ.setdefault("OMP_NUM_THREADS", "1")
repo = Path(__file__).resolve().parents[2]
TINY = ("--resolution 16 --batch 8 --channel-base 256 --channel-max 16 --d-channel-base 256 --d-channel-max 16"
        " --biline-channels 4 --z-dim 16 --w-dim 16 --device cpu").split()

def write_pictures(folder, count=16, side=20, mode="RGB"):
    "`count` PNGs of noise."
    random, channels = np.random.default_rng(0), len(mode)
    Path(folder).mkdir(parents=True, exist_ok=True)
    for i in range(count):
        values = random.integers(0, 255, (side, side, channels) if channels > 1 else (side, side), dtype=np.uint8)
        Image.fromarray(values, mode).save(Path(folder, f"{i:02d}.png"))
    return Path(folder)

@pytest.fixture
def here(tmp_path, monkeypatch):
    "A new folder, which is the current one, with 16 pictures in `d`."
    monkeypatch.chdir(tmp_path)
    write_pictures("d")
    return tmp_path

def run(*words):
    "What `creps WORDS` returns and prints: `rc`, `out`, `err`, `said` (the last line of err)."
    from creps.cli import main
    out, err, rc = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try: rc = main([str(w) for w in words]) or 0
        except SystemExit as e: rc = e.code or 0
    lines = [line for line in err.getvalue().replace("\r", "\n").splitlines() if line.strip() and "kimg [" not in line]
    return SimpleNamespace(rc=rc, out=out.getvalue(), err=err.getvalue(), said=lines[-1] if lines else "")

@pytest.fixture
def creps(): return run

@pytest.fixture
def shell():
    "Runs a line of bash with `creps` and `python` of this environment."
    def go(line, timeout=600, cwd=None, **more):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = os.environ | dict(PATH=path, T=" ".join(TINY)) | more
        done = subprocess.run(["bash", "-c", line], env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout)
        return SimpleNamespace(rc=done.returncode, out=done.stdout, err=done.stderr)
    return go

@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    "A run folder of a tiny network, trained for 50 pictures; to be copied, not changed."
    folder = tmp_path_factory.mktemp("trained")
    write_pictures(folder / "d")
    done = run("train", "--data", folder / "d", "--out", folder / "run", *TINY, "--kimg", .05)
    assert done.rc == 0, done.err
    return folder / "run"
