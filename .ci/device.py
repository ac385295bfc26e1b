"""Runs what a user can call on a pretended accelerator, and counts what the host tells it to do:  python .ci/device.py [WORD...]
The accelerator is torch's meta device below a dispatch mode: nothing is computed, so this shows errors and counts, not times or values.
Modules .ci/device_*.py hold lists ENTRIES of what is run; with words, only entries whose names hold one of them."""
import importlib, sys, time, traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

here = Path(__file__).resolve().parent
no_kernel = set("""view _unsafe_view expand permute transpose t unsqueeze squeeze slice select split split_with_sizes
detach alias as_strided unbind _reshape_alias unfold lift_fresh empty empty_strided empty_like new_empty new_empty_strided is_same_size chunk diagonal resize_""".split())

def caller() -> str:
    "The innermost line of the package on the stack."
    frame = sys._getframe(1)
    while frame:
        path = Path(frame.f_code.co_filename)
        if path.parent.name == "creps": return f"{path.name}:{frame.f_lineno}"
        frame = frame.f_back
    return "elsewhere"

class Pretend(TorchDispatchMode):
    "While active, the meta device refuses what an accelerator refuses; kernels, uploads, waits and float64 are counted by line."
    def __init__(self,
        double: bool = True,  # False: without float64, as Apple's GPUs
    ):
        super().__init__()
        self.double = double
        self.launches, self.uploads, self.waits, self.doubles = (Counter() for _ in range(4))

    def copied(self, source: str, target: str):
        if (source, target) == ("cpu", "meta"): self.uploads[caller()] += 1
        if (source, target) == ("meta", "cpu"): self.waits[caller()] += 1
        return (source, target) == ("meta", "cpu")

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, operation.overloadpacket.__name__
        with self: parts = operation.decompose(*args, **kwargs)  # in inference mode, compound operations arrive whole
        if parts is not NotImplemented: return parts
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        kinds = {t.device.type for t in given if t.dim()}  # a number may come from anywhere
        if name == "_local_scalar_dense" and given[0].device.type == "meta":
            self.waits[caller()] += 1
            return {torch.bool: False}.get(given[0].dtype, 1. if given[0].is_floating_point() else 1)
        if name == "_to_copy" and kwargs.get("device") is not None:
            if self.copied(given[0].device.type, torch.device(kwargs["device"]).type):
                return torch.zeros(given[0].shape, dtype=kwargs.get("dtype") or given[0].dtype)
        elif name == "copy_":
            if self.copied(args[1].device.type, args[0].device.type): return args[0].zero_()
        elif {"cpu", "meta"} <= kinds:
            if not name.startswith(("index", "_index")): raise RuntimeError(f"{name} takes tensors of the host and of the device")
            self.uploads[caller()] += 1  # indices may come from the host: they are uploaded
        out = operation(*args, **kwargs)
        made = [t for t in tree_leaves(out) if isinstance(t, torch.Tensor) and t.device.type == "meta"]
        made += [t for t in given if t.device.type == "meta"] if name.startswith("_foreach") else []
        if any(t.dtype == torch.float64 for t in made):
            if not self.double: raise TypeError(f"{name} makes float64, which the device does not have")
            self.doubles[caller()] += 1
        if made and name not in no_kernel: self.launches[caller()] += 1
        return out

@dataclass
class Entry:
    "Something a user can call on a device, and what it may cost there."
    name: str
    prepare: Callable      # device -> a function without arguments, whose second call is counted
    launches: int          # at most so many kernels ...
    uploads: int           # ... copies to the device ...
    waits: int = 10**9     # ... and waits for it
    modes: tuple = ("CUDA", "MPS")

def measured(entry: Entry, mode: str) -> Pretend:
    "The counts of the second call: the first may upload what is kept for later."
    act, double = entry.prepare("meta"), mode == "CUDA"
    with Pretend(double): act()
    with Pretend(double) as counted: act()
    return counted

def attempt(entry: Entry, mode: str) -> tuple[str, list]:
    "What is wrong with an entry, if anything, and its line of the table with what explains it."
    head = f"{entry.name:44} {mode:5}"
    try: found = measured(entry, mode)
    except Exception as error:
        frames = [(Path(f.filename), f.lineno) for f in traceback.extract_tb(error.__traceback__)]
        places = [f"{path.name}:{line}" for path, line in frames if path.parent.name == "creps"]
        words = (str(error).splitlines() or [""])[0][:150]
        return "raises", [f"{head} FAILED at {places[-1] if places else '?'}: {type(error).__name__}: {words}"]
    kinds = dict(launches=found.launches, uploads=found.uploads, waits=found.waits)
    sums = {kind: sum(counter.values()) for kind, counter in kinds.items()}
    wrong = ", ".join(f"{kind} at most {getattr(entry, kind):,}" for kind, n in sums.items() if n > getattr(entry, kind))
    line = f"{head} {sums['launches']:9,} {sums['uploads']:8,} {sums['waits']:7,} {sum(found.doubles.values()):8,}"
    where = [f"{'':8}{kind}: {', '.join(f'{at} {n:,}' for at, n in counter.most_common(8))}" for kind, counter in kinds.items()]
    return wrong, [line + f"  FAILED: {wrong}" * bool(wrong), *where]

def main(words=()) -> int:
    sys.path.insert(0, str(here))
    start, count, failed = time.time(), 0, 0
    entries = [e for path in sorted(here.glob("device_*.py")) for e in importlib.import_module(path.stem).ENTRIES]
    print(f"{'':44} {'mode':5} {'launches':>9} {'uploads':>8} {'waits':>7} {'float64':>8}")
    for entry in entries:
        if words and not any(w in entry.name for w in words): continue
        for mode in entry.modes:
            wrong, lines = attempt(entry, mode)
            print(*lines[:None if wrong or words else 1], sep="\n", flush=True)
            count, failed = count + 1, failed + bool(wrong)
    print(f"{count} entries on a pretended device, {failed} failed, {time.time() - start:.0f} s")
    return min(failed, 1)

if __name__ == "__main__":
    import device  # one copy of the classes for everybody
    sys.exit(device.main(sys.argv[1:]))
