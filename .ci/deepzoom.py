"""Does a deep-zoom pyramid open in a browser, and show the pixels that were drawn?  `python .ci/deepzoom.py [SIDE]`
Draws one, opens it with OpenSeadragon (from npm) in a headless Chromium, and reads back from its canvas windows that lie across tile borders, at 1:1, on several levels."""
import http.server, json, os, shutil, signal, subprocess, sys, tempfile, threading, time
from functools import partial
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root))
import numpy as np, torch
import creps.files
from PIL import Image
from creps import Generator, View
from creps.coords import axes, to_t
from creps.core import rng, seed_everything, to_uint8
from creps.render import render

page = """<!doctype html><meta charset=utf-8><style>body {margin: 0} #view {width: 600px; height: 400px}</style><div id=view></div>
<script src=node_modules/openseadragon/build/openseadragon/openseadragon.js></script><script>
const post = (path, body) => fetch(path, {method: "POST", body}), frame = () => new Promise(requestAnimationFrame);
window.onerror = text => post("/failed", text);
const viewer = OpenSeadragon({id: "view", tileSources: "picture.dzi", drawer: "webgl", imageSmoothingEnabled: false, immediateRender: true, blendTime: 0,
    animationTime: 0, minPixelRatio: .9, visibilityRatio: 0, minZoomImageRatio: 0, showNavigationControl: false});
for (const name of ["open-failed", "tile-load-failed", "drawer-error"]) viewer.addHandler(name, e => post("/failed", name + ": " + (e.message || e.error)));
async function look([level, y, x]) {   // the window that begins at pixel (y, x) of the level
    const scale = 2**level, v = viewer.viewport, c = viewer.drawer.canvas;
    v.zoomTo(v.imageToViewportZoom(1 / scale), null, true);
    v.panTo(v.imageToViewportCoordinates((x + c.width / 2) * scale, (y + c.height / 2) * scale), true);
    for (let n = 0; n < 3 || !viewer.world.getItemAt(0).getFullyLoaded(); n++) await frame();
    await post("/seen", c.getContext("2d").getImageData(0, 0, c.width, c.height).data);
}
viewer.addHandler("open", async () => {
    for (const w of await (await fetch("/windows")).json()) await look(w);
    await post("/end", OpenSeadragon.version.versionStr);
});
</script>"""
flags = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync
    --force-device-scale-factor=1 --window-size=800,600""".split()
window = 400, 600

class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args, state, **kw):
        self.state = state
        super().__init__(*args, **kw)

    def log_message(self, *args): pass

    def answer(self, data=b""):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/windows": self.answer(json.dumps(self.state["windows"]).encode())
        else: super().do_GET()

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/seen": self.state["seen"].append(np.frombuffer(data, np.uint8).reshape(*window, 4))
        else:
            self.state["end"] = self.path[1:], data.decode()
            self.state["over"].set()
        self.answer()

def browse(folder, chromium, windows, seconds=600):
    "The windows as the browser shows them, and OpenSeadragon's version."
    state = dict(windows=windows, seen=[], end=("failed", f"no answer within {seconds} s"), over=threading.Event())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder, state=state))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(folder / "log", "wb") as log:
        browser = subprocess.Popen([chromium, *flags, f"--user-data-dir={folder / 'profile'}", f"http://127.0.0.1:{server.server_port}/"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        state["over"].wait(seconds)
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
    server.shutdown()
    how, text = state["end"]
    if how == "failed": sys.exit(f"{text}\n{(folder / 'log').read_text(errors='replace')[-2000:]}")
    return state["seen"], text

def skipped(why): print(f"skipped: {why}"); sys.exit()

def tiles(folder, size, level, y, x):
    "A window, cut out of the tile files."
    top, left = y // 256, x // 256
    name = lambda i, j: folder / "picture_files" / str((max(size) - 1).bit_length() - level) / f"{j}_{i}.png"
    rows = [np.concatenate([np.asarray(Image.open(name(i, j))) for j in range(left, (x + window[1] - 1) // 256 + 1)], 1) for i in range(top, (y + window[0] - 1) // 256 + 1)]
    return np.concatenate(rows)[y - 256 * top:, x - 256 * left:][:window[0], :window[1]]

def straight(G, ws, size, view, level, y, x):
    "The same window from the network, without render."
    t = (to_t(c + d[a:a + n], G.resolution) for c, d, a, n in zip(view.center, axes(size, view, step=2**level), (y, x), window))
    return to_uint8(G.synthesis(ws, *t))[0]

def main(side):
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None) or skipped("there is no Chromium")
    npm = shutil.which("npm") or skipped("there is no npm")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        folder = Path(folder)
        if subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, "openseadragon@6"]).returncode: skipped("npm cannot install openseadragon")
        (folder / "index.html").write_text(page)
        seed_everything(0)
        G = Generator(resolution=16, channel_base=512, channel_max=32, biline_channels=8, rank=4, z_dim=32, w_dim=32).eval().requires_grad_(False)
        ws, size, view = G.mapping(torch.randn(1, 32, generator=rng(0))), (side, side), View(zoom=16 / side)  # so wide a view that neighbouring pixels differ
        start = time.monotonic()
        render(G, ws, size, view, out=folder / "picture.dzi")
        seconds = time.monotonic() - start
        dice, levels = np.random.default_rng(0), [k for k in range(20) if side >> k >= 1024]
        windows = [(k, *(int(dice.integers(0, (side >> k) - n)) for n in window)) for k in levels for _ in range(3)]
        windows += [(0, 0, 0), (0, side - window[0], side - window[1])]
        seen, version = browse(folder, chromium, windows)
        for w, pixels in zip(windows, seen, strict=True):
            want, direct = tiles(folder, size, *w), straight(G, ws, size, view, *w)
            if not (pixels[..., :3] == want).all(): sys.exit(f"window {w}: {(pixels[..., :3] != want).any(-1).sum()} pixels differ from the tiles")
            if abs(want.astype(int) - direct).max() > 1: sys.exit(f"window {w}: the tiles differ from the network's picture")
            if (want[:, 1:] != want[:, :-1]).any(-1).mean() < .5: sys.exit(f"window {w}: too smooth for a shift to be seen")
    print(f"{side} x {side} drawn in {seconds:.0f} s; OpenSeadragon {version}: {len(seen)} windows of {window[0]} x {window[1]} across tile borders, levels 0 to {levels[-1]}, all pixels equal")

main(int(sys.argv[1]) if len(sys.argv) > 1 else 8192)
