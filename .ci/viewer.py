"""Does the viewer work in a browser?  `python .ci/viewer.py [FOLDER FOR SCREENSHOTS]`
Serves the network that comes with the package by a process of its own, and drags, turns, zooms and clicks in a headless Chromium as a hand would, by the DevTools protocol.
What the canvas then shows is compared with the library's picture of the same view: first of style codes that were brought along (`--ws`), then of seeds. In the end the server is killed.
Then the same as a widget in JupyterLab, whose kernel is killed."""
import base64, io, itertools, json, os, selectors, shutil, signal, socket, subprocess, sys, tempfile, time, urllib.request
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root))
import numpy as np, torch
from PIL import Image
from creps import Generator
from creps.coords import turn
from creps.core import rng
from creps.project import save_codes
from creps.render import render
from creps.viewer import BENDS, checked, code, supersampled, view_of

MODEL = "portraits-64"
flags = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync
    --force-device-scale-factor=1 --window-size=1000,700 --remote-debugging-pipe""".split()

def skipped(why): print(f"skipped: {why}"); sys.exit()

class Browser:
    "A page in a headless Chromium, driven through a pipe: messages of the DevTools protocol, a zero byte behind each."
    def __init__(self, chromium, folder, size=(776, 512)):
        (to_read, self.to), (self.frm, to_write) = os.pipe(), os.pipe()
        def three_and_four():
            kept = os.dup(to_read), os.dup(to_write)  # above 4, whatever the numbers were
            os.dup2(kept[0], 3); os.dup2(kept[1], 4)
        with open(Path(folder, "log"), "wb") as log:
            self.process = subprocess.Popen([chromium, *flags, f"--user-data-dir={Path(folder, 'profile')}", "about:blank"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=three_and_four, pass_fds=(3, 4), start_new_session=True)
        os.close(to_read); os.close(to_write)
        self.ids, self.rest, self.session, self.said = itertools.count(1), b"", None, []
        page = next(t for t in self("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"): self(f"{domain}.enable")
        self.resize(*size)

    def __call__(self, method, seconds=300, **params):
        "Send a message, and wait for what it gives."
        message = dict(id=(i := next(self.ids)), method=method, params=params) | (dict(sessionId=self.session) if self.session else {})
        os.write(self.to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + seconds
        while (m := self._next(until)).get("id") != i:
            if m.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"): self.said.append(json.dumps(m["params"])[:600])
        if "error" in m: sys.exit(f"{method}: {m['error']}")
        return m["result"]

    def _next(self, until):
        with selectors.DefaultSelector() as s:
            s.register(self.frm, selectors.EVENT_READ)
            while b"\0" not in self.rest:
                if not s.select(max(until - time.monotonic(), 0)) or not (got := os.read(self.frm, 2**20)): sys.exit("the browser does not answer\n" + "\n".join(self.said))
                self.rest += got
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def resize(self, width, height): self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def js(self, expression):
        "The value of an expression, or of the promise that it is."
        got = self("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in got: sys.exit(f"{expression}: {json.dumps(got['exceptionDetails'])[:600]}")
        return got["result"].get("value")

    def until(self, expression, seconds=30):
        "Wait until an expression is true."
        end = time.monotonic() + 5 * seconds   # this machine may be slow, or busy
        while not self.js(expression):
            if time.monotonic() > end: sys.exit(f"not true after {5 * seconds} s: {expression}\n" + "\n".join(self.said))
            time.sleep(.02)

    def mouse(self, kind, x, y, **more): self("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def drag(self, start, end, steps=6, **more):
        self.mouse("mousePressed", *start, button="left", buttons=1, clickCount=1, **more)
        for k in range(1, steps + 1): self.mouse("mouseMoved", *(a + (b - a) * k / steps for a, b in zip(start, end)), button="left", buttons=1, **more)
        self.mouse("mouseReleased", *end, button="left", clickCount=1, **more)

    def pinch(self, still, start, end, steps=8):
        "One finger stays, another moves."
        touch = lambda kind, *points: self("Input.dispatchTouchEvent", type=kind, touchPoints=[dict(x=x, y=y, id=i) for i, (x, y) in enumerate(points)])
        self("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=2)
        touch("touchStart", still)
        touch("touchStart", still, start)
        for k in range(1, steps + 1): touch("touchMove", still, tuple(a + (b - a) * k / steps for a, b in zip(start, end)))
        touch("touchEnd")
        self("Emulation.setTouchEmulationEnabled", enabled=False)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"): self.mouse(kind, x, y, button="left", clickCount=1)

    def key(self, key, **more):
        self("Input.dispatchKeyEvent", type="keyDown", key=key, **({"text": key} if len(key) == 1 else {}), **more)
        self("Input.dispatchKeyEvent", type="keyUp", key=key, **more)

    def screenshot(self, path): Path(path).write_bytes(base64.b64decode(self("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

class Page(Browser):
    "The viewer's page."
    stage = "document.querySelector('.stage > canvas')"
    own = None   # style codes that were brought along
    def state(self): return self.js("document.querySelector('.creps').creps.state")
    def stats(self): return self.js("document.querySelector('.creps').creps.stats")
    def settle(self): self.until("document.querySelector('.creps')?.creps?.stats.drawn > 0 && document.querySelector('.creps').creps.settled")
    def picture(self): return np.asarray(Image.open(io.BytesIO(base64.b64decode(self.js(f"{self.stage}.toDataURL()").partition(",")[2]))).convert("RGB")).astype(int)

    def middle(self, element): return self.js(f"(e => {{ e.scrollIntoView({{block: 'nearest'}}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})({element})")
    def press(self, element): self.click(*self.middle(element))

    def button(self, text): self.press(f"[...document.querySelectorAll('.creps button')].find(b => b.textContent === {json.dumps(text)})")

RARE = 1e-3   # `render` promises one colour in 10,000, by a sample

def check(ok, what):
    if not ok: sys.exit(f"not so: {what}")

def compare(page, G, what, most=1, rare=0):
    "The canvas and the library's picture of the same state, computed without any table. `rare`: the share of colours that may be off by more than `most`."
    page.settle()
    state, seen = checked(page.state()), page.picture()
    want = render(supersampled(G, state["supersample"]), code(G, state, page.own), seen.shape[:2], view_of(state), BENDS[state["bend"]](state["amount"]), tol=0)[0]
    off = abs(seen - want)
    check((off > most).mean() <= rare, f"{what}: of the canvas {(off > most).mean():.1e} differ by more than {most} of 255 from the picture ({rare} may; the most is {off.max()}); state {state}")
    return state, seen

def brought(G, folder, count=3):
    "A file with style codes, one w for each layer as in w+, and the codes."
    ws = G.mapping(torch.randn(count * G.num_ws, G.z_dim, generator=rng(7)))[:, 0].reshape(count, G.num_ws, G.w_dim)
    save_codes(file := Path(folder, "codes.safetensors"), ws)
    return file, ws

def found(page, G, shots):
    "The codes of `--ws`: where it begins, between two of them, and back to the seeds."
    slider = "[...document.querySelectorAll('.creps label')].find(e => e.querySelector('span').textContent === 'found').querySelector('input')"
    state, first = compare(page, G, "the first code of --ws")
    check(state["found"] == 1 and page.js(f"{slider}.max") == str(len(page.own)), f"it begins with the first of the codes, and the slider has them all: {state}")
    page.press(slider)
    state, between = compare(page, G, "between two codes of --ws")
    check(abs(state["found"] - (len(page.own) / 2)) < .05, f"a click in the middle of the slider leads between the codes: {state['found']}")
    k = int(state["found"]) - 1
    ws = torch.lerp(page.own[k], page.own[k + 1], state["found"] - k - 1)[None]
    G_of = supersampled(G, state["supersample"])
    drawn = ((G_of.draw(ws, between.shape[:2])[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5).numpy()
    check(abs(between - drawn).max() <= 1.01, f"what is shown between two codes is what torch draws of their mean: off by {abs(between - drawn).max():.2f} of 255")
    check((abs(between - first) > 8).mean() > .2, "another code is another picture")
    if shots: page.screenshot(Path(shots, "found.png"))
    page.js(f"(e => {{ e.value = 0; e.dispatchEvent(new Event('input')); }})({slider})")

def tour(page, G, shots):
    shot = lambda name: shots and page.screenshot(Path(shots, f"{name}.png"))
    found(page, G, shots)
    state, first = compare(page, G, "the first picture of a seed")
    check(state["found"] == 0, f"at 0 the slider leads back to the seed: {state['found']}")
    check(first.shape == (512, 512, 3) and first.std() > 3, "there is a picture of 512 x 512")
    check(state["supersample"] == 2, f"--supersample says how many points there are to begin with: {state}")
    page.button("1")
    first = compare(page, G, "one point in a pixel")[1]
    times = page.stats()
    shot("first")
    page.drag((300, 300), (180, 340))
    state, moved = compare(page, G, "after a drag")
    check(abs(state["col"] - .5 - 120 / 512) < 1e-9 and abs(state["row"] - .5 + 40 / 512) < 1e-9, f"a drag by 120 pixels to the left moves the view by as many to the right: {state}")
    check((moved[60:400, :300] == first[20:360, 120:420]).mean() > .9, "what was there has moved along")
    for _ in range(8): page.mouse("mouseWheel", 100, 80, deltaX=0, deltaY=-100)
    zoomed, _ = compare(page, G, "after the wheel")
    under = lambda s: (s["row"] + (80 - 256) / 512 / s["zoom"], s["col"] + (100 - 256) / 512 / s["zoom"])
    check(zoomed["zoom"] > 4 and np.allclose(under(zoomed), under(state), atol=1e-12), f"the wheel zooms around the pointer: {state} {zoomed}")
    shot("zoomed")
    for _ in range(120): page.mouse("mouseWheel", 256, 256, deltaX=0, deltaY=-200)
    deep, _ = compare(page, G, "at the bottom")
    check(deep["zoom"] == 1e9, f"the wheel goes to 1e9: {deep['zoom']}")
    page.drag((256, 256), (200, 256))
    shifted, _ = compare(page, G, "a drag at the bottom")
    check(abs((shifted["col"] - deep["col"]) * 512e9 - 56) < .01, "a drag at 1e9 is exact to a hundredth of a pixel")
    page.until("document.querySelector('.creps .hint.on')?.textContent.includes('Nothing new')", 5)
    shot("deep")
    page.js(f"{page.stage}.focus()")
    page.key("0")
    page.key("n")
    check(page.state()["seed"] == 1 and page.state()["zoom"] == 1, "keys: 0 is home, n the next seed")
    compare(page, G, "the next seed")
    page.drag((300, 100), (380, 100), modifiers=8)
    check(abs(compare(page, G, "turned", 2, RARE)[0]["angle"]) > 5, "shift-drag turns")
    page.key("0")
    page.pinch((200, 256), (300, 256), (380, 300))
    state, _ = compare(page, G, "pinched", 2, RARE)
    fingers = [turn(view_of(state), *((p - 256) / 512 / state["zoom"] for p in at)) for at in ((256, 200), (300, 380))]
    check(np.allclose(fingers, [(.5, 200 / 512), (.5, 300 / 512)], atol=1e-9), f"what was under two fingers still is: {fingers}")
    page.button("swirl")
    compare(page, G, "swirled", 2, RARE)
    shot("swirl")
    page.button("flat"); page.button("whole picture")
    for places in (4, 1, 2):
        page.button("1" if places == 1 else f"{places}×{places}")
        state, areas = compare(page, G, f"{places} x {places} points in a pixel")
        check(state["supersample"] == places, f"a button chooses the points in a pixel: {state}")
    shot("points")
    page.button("residual")
    page.settle()
    check("residual" in page.js("document.querySelector('.creps footer').textContent"), "the residual is told in dB")
    shot("residual")
    page.button("block adds")
    page.settle()
    page.press("document.querySelectorAll('.creps .strip button')[1]")
    page.settle()
    check(page.state()["block"] == 1, "a click on a thumbnail chooses the block")
    shot("blocks")
    page.button("picture")
    page.press("document.querySelectorAll('.creps .faders input')[3]")
    state, _ = compare(page, G, "mixed")
    check(.3 < state["mix"][3] < .7, f"a click in the middle of a fader mixes half and half: {state['mix']}")
    page.press("document.querySelectorAll('.creps .ways input')[1]")
    page.button("rgb")
    page.js("(e => { e.value = 2.5; e.dispatchEvent(new Event('input')); })(document.querySelectorAll('.creps .ways input')[0])")
    state, moved = compare(page, G, "moved along a direction in the colours")
    check(state["moves"][0] == 2.5 and abs(state["moves"][1]) < .3 and state["part"] == "rgb", f"a slider moves along its direction: {state}")
    shot("moved")
    page.button("straight back")
    check(not any(compare(page, G, "moved back")[0]["moves"]), "one button leads back")
    page.button("▶ walk on")
    page.until("document.querySelector('.creps').creps.state.seed > 1.2")
    page.button("❚❚ stay here")
    compare(page, G, "after a walk")
    shot("walk")
    return times

def shell(page, G, folder, shots):
    "`creps view`, to its violent end."
    file, page.own = brought(G, folder)
    command = [sys.executable, "-m", "creps", "view", "--no-browser", "--supersample", "2", "--ws", str(file)]   # its model is the first that ships
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | dict(PYTHONPATH=str(root)))
    try:
        page("Page.navigate", url=server.stdout.readline().strip())
        times = tour(page, G, shots)
    finally:
        server.kill()
        server.wait()
    page.drag((300, 300), (200, 300))
    page.until("document.querySelector('.creps .veil.on')?.textContent.includes('The server is gone')", 10)
    if shots: page.screenshot(Path(shots, "gone.png"))
    wrong = [s for s in page.said if "Failed to load resource" not in s]
    check(not wrong, f"no errors in the browser's console: {wrong}")
    return times

def notebook(folder, *cells):
    cells = [dict(cell_type="code", id=f"c{i}", metadata={}, execution_count=None, outputs=[], source=c) for i, c in enumerate(cells)]
    Path(folder, "walk.ipynb").write_text(json.dumps(dict(cells=cells, metadata=dict(kernelspec=dict(display_name="python3", language="python", name="python3")), nbformat=4, nbformat_minor=5)))

def lab(page, G, folder, shots):
    "`explore` in JupyterLab, until its kernel is killed."
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (home := Path(folder, "home")).mkdir()
    notebook(home, "\n".join(["import os", "from pathlib import Path", "from creps import Generator", "from creps.viewer import explore",
                              f"folder = Path({str(folder)!r})", "(folder / 'pid').write_text(str(os.getpid()))", f"G = Generator.from_pretrained({MODEL!r})",
                              "w = explore(G.requires_grad_(False), height=480, seed=3)", "w"]), "w.view.zoom, w.state['seed'], list(w.ws.shape)")
    env = os.environ | dict(PYTHONPATH=str(root), JUPYTER_CONFIG_DIR=f"{folder}/config", JUPYTER_DATA_DIR=f"{folder}/data", JUPYTER_RUNTIME_DIR=f"{folder}/runtime")
    options = [f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={home}", "--IdentityProvider.token=t", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with open(Path(folder, "lab.log"), "wb") as log:
        server = subprocess.Popen([sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *options], cwd=home, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    run = lambda n: (page.press(f"document.querySelectorAll('.jp-CodeCell .cm-content')[{n}]"), page.key("Enter", code="Enter", windowsVirtualKeyCode=13, modifiers=8))
    try:
        for _ in range(1200):
            with suppress(OSError):
                if urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token=t", timeout=5).status == 200: break
            time.sleep(.25)
        page.resize(1000, 860)
        page("Page.navigate", url=f"http://127.0.0.1:{port}/lab/tree/walk.ipynb?token=t")
        page.until("document.querySelectorAll('.jp-CodeCell .cm-content').length === 2 && /ipykernel\\) \\| Idle/.test(document.body.textContent)", 90)
        page.until("fetch('/api/kernels?token=t').then(r => r.json()).then(k => k[0]?.execution_state === 'idle' && k[0].connections > 0)", 60)
        time.sleep(2)  # JupyterLab asks which kernel to take if it is too early
        run(0)
        page.until("document.querySelector('.creps')?.creps?.stats.drawn > 0", 60)
        compare(page, G, "in JupyterLab")
        x, y = page.middle(page.stage)
        page.drag((x, y), (x - 80, y))
        for _ in range(4): page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-100)
        state, _ = compare(page, G, "after a drag and the wheel in JupyterLab")
        if shots: page.screenshot(Path(shots, "lab.png"))
        run(1)
        page.until(f"[...document.querySelectorAll('.jp-OutputArea-output pre')].some(e => e.textContent.startsWith('({state['zoom']}, 3, ['))")
        os.kill(int(Path(folder, "pid").read_text()), signal.SIGKILL)
        page.until("document.querySelector('.jp-Dialog') !== null")
        page.key("Enter", code="Enter", windowsVirtualKeyCode=13)  # "The kernel appears to have died": Ok
        page.until("document.querySelector('.jp-Dialog') === null")
        x, y = page.middle(page.stage)
        page.drag((x, y), (x - 80, y))
        page.until("document.querySelector('.creps .veil.on')?.textContent.includes('No answer from Python')", 20)
        if shots: page.screenshot(Path(shots, "lab-gone.png"))
    finally:
        with suppress(ProcessLookupError): os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    return page.stats()

def main(shots=None):
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None) or skipped("there is no Chromium")
    if shots: Path(shots).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        G = Generator.from_pretrained(MODEL).requires_grad_(False)
        page = Page(chromium, folder)
        try:
            times = shell(page, G, folder, shots)
            there = all(map(find_spec, ("jupyterlab", "anywidget")))
            in_lab = f"; in JupyterLab {lab(page, G, folder, shots)['first'] / 1000:.2f} s" if there else "; JupyterLab or anywidget is not installed"
        finally: page.close()
    check(times["first"] < 1000 and times["settled"] < 3000, f"the first picture is quick: {times}")
    print(f"found codes drawn; seeds drawn, dragged, zoomed to 1e9, turned, pinched, bent, mixed, walked, killed; 512 x 512: first picture {times['first'] / 1000:.2f} s, settled {times['settled'] / 1000:.2f} s{in_lab}")

if __name__ == "__main__": main(*sys.argv[1:])
