"""Is a pyramid that was killed and resumed the same as one that was not?  `python .ci/kill.py [SEED]`
Renders are killed (SIGKILL) at ten random moments, and before every single step on the disk while a picture gets its name."""
import os, random, shutil, signal, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root))
import torch
import creps.files
from creps import Generator
from creps.core import rng, seed_everything
from creps.render import render

torch.set_num_threads(1)
seed_everything(0)
G = Generator(resolution=16, channel_base=512, channel_max=32, biline_channels=8, rank=4, z_dim=32, w_dim=32).eval().requires_grad_(False)
codes = [G.mapping(torch.randn(1, 32, generator=rng(n))) for n in range(2)]
dice = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
steps = [(os, name) for name in ("replace", "rename", "unlink", "rmdir", "mkdir")] + [(Path, "read_bytes")]

def start(path, size, before=lambda: None, code=0):
    "A render in a child process."
    if pid := os.fork(): return pid
    status = 1
    try:
        before()
        render(G, codes[code], size, out=path)
        status = 0
    except Exception as e: print(f"{type(e).__name__}: {e}", file=sys.stderr)
    finally: os._exit(status)

def ended(pid):
    "Wait for a child; whether it was killed. It must not have failed."
    status = os.waitpid(pid, 0)[1]
    if status not in (0, signal.SIGKILL): sys.exit("a render failed")
    return status == signal.SIGKILL

def killed(path, size, seconds):
    "Kill a render after some seconds; whether there still was one."
    pid = start(path, size)
    time.sleep(seconds)
    try: os.kill(pid, signal.SIGKILL)
    except ProcessLookupError: pass
    return ended(pid)

def killed_closing(path, size, n):
    "Kill a render just before the n-th step after its last tile; whether there was one."
    def before():
        finish = creps.files.Tiles.finish
        def watched(self):
            left = [n]
            def watch(step):
                def one(*args, **kw):
                    if not left[0]: os.kill(os.getpid(), signal.SIGKILL)
                    left[0] -= 1
                    return step(*args, **kw)
                return one
            for owner, name in steps: setattr(owner, name, watch(getattr(owner, name)))
            finish(self)
        creps.files.Tiles.finish = watched
    return ended(start(path, size, before))

def files(folder): return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}

def drawn(path, size, code=0):
    "The files of a render that nothing disturbs."
    if ended(start(path, size, code=code)) or not path.exists(): sys.exit(f"{path.name}: not drawn")
    return files(path.parent)

def whole(path, *pictures):
    "What a viewer can open under the final name is one of `pictures`, all of it."
    if path.exists() and not any(all(files(path.parent).get(name) == data for name, data in p.items()) for p in pictures):
        sys.exit(f"{path.name} was there before its picture was whole")

def folder():
    f = Path(tempfile.mkdtemp(dir=top))
    return f, f / f"picture{suffix}"

with tempfile.TemporaryDirectory() as top:
    random_kills = closing_kills = identical = 0
    for suffix in (".dzi", ".tif"):
        large, small = (1500, 1300), (300, 260)
        f, path = folder()
        seconds = time.monotonic()
        want = drawn(path, large)
        seconds = time.monotonic() - seconds
        done = 0
        while done < 5:
            f, path = folder()
            rounds = min(dice.randint(1, 3), 5 - done)  # some are killed again when they are resumed
            for _ in range(rounds):
                done += killed(path, large, dice.uniform(0, seconds / rounds))
                whole(path, want)
            if drawn(path, large) != want: sys.exit(f"{suffix}: killed and resumed, it differs")
            identical += len(want)
            shutil.rmtree(f)
        random_kills += done
        f, path = folder()
        want = drawn(path, small)
        for n in range(1000):
            f, path = folder()
            old = drawn(path, small[::-1], code=1)  # there is an older picture of that name
            if not killed_closing(path, small, n): break
            whole(path, old, want)
            if drawn(path, small) != want: sys.exit(f"{suffix}: killed at step {n} of closing and resumed, it differs")
            identical += len(want)
            shutil.rmtree(f)
        closing_kills += n
    print(f"{random_kills} kills at random moments and {closing_kills} while closing, {identical} files identical")
