"""Is a training that was killed and resumed the same as one that was not?  `python .ci/killtrain.py [SEED]`
A small run is killed (SIGKILL) at thirty random moments, ten of them while a snapshot is being written, and stopped (SIGTERM) at five."""
import contextlib, io, os, random, shutil, signal, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root))
import numpy as np, torch
from creps import train
from creps.checkpoint import read_tensors

torch.set_num_threads(1)
dice = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
options = dict(batch=4, kimg=.4, snap=.02, augment="ada", ada_kimg=.2, ada_target=0., averages=True, burn_in=.3, gamma_start=10., lr_start=.004, channel_base=64, channel_max=16, d_channel_base=64, d_channel_max=16,
               biline_channels=4, rank=2, z_dim=16, w_dim=16, progress=False, resume="latest", device="cpu")

class Noise:
    shape, label_dim = (8, 8, 3), 0
    def __len__(self): return 100
    def batch(self, indices): return np.stack([np.random.default_rng(int(i)).integers(0, 256, self.shape, np.uint8) for i in indices]), np.zeros((len(indices), 0), np.float32)

def start(out, hurt=lambda: None):
    "The run in a child process."
    if pid := os.fork(): return pid
    status = 1
    try:
        hurt()
        with contextlib.redirect_stdout(io.StringIO()): train.fit(Noise(), out, **options)
        status = 0
    except SystemExit as e: status = e.code
    except BaseException as e: print(f"{type(e).__name__}: {e}", file=sys.stderr)
    finally: os._exit(status)

def ended(pid, allowed):
    "Wait for a child; whether it got to the end."
    status = os.waitpid(pid, 0)[1]
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    if code not in (0, *allowed): sys.exit(f"a run ended with {code}")
    return code == 0

def writing():
    "Be killed before one of the next steps on the disk."
    left = [dice.randrange(60)]
    def watch(step):
        def one(*args, **kw):
            if not left[0]: os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return step(*args, **kw)
        return one
    for name in ("replace", "fsync", "chmod"): setattr(os, name, watch(getattr(os, name)))
    Path.unlink = watch(Path.unlink)

def files_are_good(out):
    for path in Path(out).glob("checkpoints/*.safetensors"): read_tensors(path)
    if Path(out, "config.json").exists() and Path(out, "model.safetensors").exists(): train.Generator.from_pretrained(out)

with tempfile.TemporaryDirectory() as folder:
    straight, cut, begun = Path(folder, "straight"), Path(folder, "cut"), time.time()
    ended(start(straight), ())
    length, sent, kinds = time.time() - begun, {"kill": 0, "writing": 0, "term": 0}, ["kill"] * 20 + ["writing"] * 10 + ["term"] * 5
    dice.shuffle(kinds)
    while kinds:
        kind = kinds.pop()
        pid = start(cut, writing if kind == "writing" else lambda: None)
        if kind != "writing":
            time.sleep(dice.uniform(.05, length / 8))
            with contextlib.suppress(ProcessLookupError): os.kill(pid, signal.SIGKILL if kind == "kill" else signal.SIGTERM)
        done = ended(pid, (-signal.SIGKILL, 143, -signal.SIGTERM))
        sent[kind] += not done
        files_are_good(cut)
        if done:   # too quick for us: begin anew
            kinds.append(kind)
            same = [read_tensors(sorted(r.glob("checkpoints/*"))[-1])[0] for r in (straight, cut)]
            assert all(torch.equal(same[0][k], same[1][k]) for k in same[0]), "a resumed run ended elsewhere"
            shutil.rmtree(cut)
    ended(start(cut), ())
    a, b = (read_tensors(sorted(r.glob("checkpoints/*"))[-1])[0] for r in (straight, cut))
    assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a), "the resumed run ended elsewhere"
    kept = [{p.name: p.read_bytes() for p in r.glob("averages/*")} for r in (straight, cut)]
    assert kept[0] and kept[0].items() <= kept[1].items(), "the averages of the resumed run are others"
    left = [p.name for p in cut.rglob(".*")]
    assert not left, f"left behind: {left}"
    print(f"{sent['kill']} runs killed, {sent['writing']} while writing, {sent['term']} stopped; {len(a)} tensors and {len(kept[0])} averages identical to the bit; {time.time() - begun:.0f} s")
