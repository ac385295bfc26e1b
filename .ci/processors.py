"""Do the notebooks hold on other processors, with other threads, beside other work?   python .ci/processors.py [NOTEBOOK...]
One machine has one processor, but its libraries can be asked to take the routes that they take on others: MKL_CBWR picks those of
the matrix products, ATEN_CPU_CAPABILITY those of everything else.  Each setting below runs the notebooks that compare numbers or
pictures, or, with several threads, those that compare pictures; the last one those that look at the clock, while other programs
keep every core busy.  Together they hold each value at least once; the plain setting is README's own command."""
import json, os, re, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

root, cores = Path(__file__).resolve().parents[1], os.cpu_count()
COMPARES = r"\b(same|same_pictures|equal|array_equal|allclose|assert_close)\("
DRAWS = r"\bsame_pictures\("
CLOCK = r"\b(perf_counter|monotonic|time\.time|sleep|timeout)\b"
SETTINGS = [  # what is asked of the libraries, threads, whether every core is busy, what a cell of the notebook holds
    (dict(MKL_CBWR="COMPATIBLE", ATEN_CPU_CAPABILITY="default"), 1, False, COMPARES),
    (dict(MKL_CBWR="AVX2", ATEN_CPU_CAPABILITY="avx2"), 1, False, COMPARES),
    (dict(MKL_CBWR="COMPATIBLE", ATEN_CPU_CAPABILITY="avx2"), 4, False, DRAWS),
    (dict(), 1, True, CLOCK),
]

def tests(path: Path) -> str:
    "The code of a notebook that doesn't become the module's: its tests."
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    return "\n".join(s for s in sources if not re.search(r"^#\|\s*export", s, re.M))

def run(path: Path, env: dict) -> tuple:
    "(path, exit code, output, seconds) of one notebook as a test."
    start, command = time.monotonic(), ["nbdev-test", str(path), "--n-workers", "0"]
    done = subprocess.run(command, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return path, done.returncode, done.stdout, time.monotonic() - start

def main():
    chosen = [Path(a).resolve() for a in sys.argv[1:]]
    paths = chosen or sorted(p for p in (root / "nbs").rglob("*.ipynb") if not re.search(r"/[._]", p.relative_to(root).as_posix()))
    runs, failed = 0, []
    for asked, threads, busy, pattern in SETTINGS:
        picked = [p for p in paths if chosen or re.search(pattern, tests(p))]
        env = os.environ | asked | dict(OMP_NUM_THREADS=str(threads), MPLBACKEND="agg", PYTHONPATH=str(root))
        name = ", ".join([*(f"{k}={v}" for k, v in asked.items()), f"{threads} thread{'s' * (threads > 1)}", *["every core busy"] * busy])
        start, others = time.monotonic(), [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores * busy)]
        try:
            with ThreadPoolExecutor(max(1, cores // threads)) as pool: done = list(pool.map(lambda p: run(p, env), picked))
        finally: [o.kill() for o in others]
        bad, slowest = [d for d in done if d[1]], max(done, key=lambda d: d[3])
        for path, code, said, _ in bad: print(f"--- {path.relative_to(root)} fails ({code}) with {name}", *said.splitlines()[-40:], sep="\n")
        print(f"{name}: {len(done)} notebooks, {len(bad)} failed, {time.monotonic() - start:.0f} s; the slowest {slowest[0].stem}, {slowest[3]:.0f} s", flush=True)
        runs, failed = runs + len(done), failed + [f"{d[0].stem} ({name})" for d in bad]
    print(f"{runs} runs in {len(SETTINGS)} settings, {len(failed)} failed" + "".join(f"\n  {f}" for f in failed))
    sys.exit(bool(failed))

if __name__ == "__main__": main()
