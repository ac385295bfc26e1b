"""Do the networks draw in the site's own page?  `python .ci/live.py SITE [FOLDER FOR SCREENSHOTS]`, where `.ci/site.py SITE` has built it.
Serves the site on loopback to a headless Chromium that can reach nothing else, drags, zooms, turns, mixes and chooses networks and seeds on the live page, and compares its canvas with torch's picture of the same view.
Then files of the page are missing, and it must say so."""
import functools, json, re, shutil, sys, tempfile, threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
import numpy as np
from viewer import Page, check, flags, root, skipped
from creps import Generator
from creps.viewer import checked, picture

class Handler(SimpleHTTPRequestHandler):
    "Counts what it sends; files in `gone` are not there."
    gone, sent = set(), {}
    def log_message(self, *args): pass
    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()
    def do_GET(self):
        name = self.path.partition("?")[0].lstrip("/")
        if name in self.gone: return self.send_error(404)
        file = Path(self.translate_path(self.path))
        self.sent[name] = file.stat().st_size if file.is_file() else 0
        super().do_GET()

class Server(ThreadingHTTPServer):
    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], ConnectionError): super().handle_error(request, address)   # a page that is left

def compare(page, G, what, most=2, rare=1e-5):
    "The canvas, and torch's picture of the same state. `rare`: the share of colours that may be off by more than `most`, where the last bit of a place decides on which side of an edge it lies."
    page.settle()
    state, seen = checked(page.state()), page.picture()
    want, _ = picture(G, state, seen.shape[:2], (0, 0, *seen.shape[:2]), tol=0)   # the page computes every pixel by itself
    off = np.abs(seen - want)
    check((off > most).mean() <= rare, f"{what}: of the canvas {(off > most).mean():.1e} differ by more than {most} of 255 from the picture ({rare} may; the most is {off.max()}); state {state}")
    return state, seen

def to(page, **state): page.js(f"document.querySelector('.creps').creps.set({json.dumps(state)})")

def canvas(page, value): page.js(f"(e => {{ e.value = '{value}'; e.dispatchEvent(new Event('change')); }})(document.getElementById('live-size'))")

def points(page, same):
    "The buttons that say how many points a pixel has."
    for places in (2, 4, 1):
        page.button("1" if places == 1 else f"{places}×{places}")
        check(same(f"{places} x {places} points in a pixel")[0]["supersample"] == places, "a button chooses the points in a pixel")

def tour(page, G, about, shots):
    "As a visitor would; gives the times of the first picture and of the slowest one of 512 x 512."
    shot = lambda name: shots and page.screenshot(Path(shots, f"{name}.png"))
    middle = lambda: page.middle(page.stage)
    same = lambda what, most=2: compare(page, G, what, most)
    go = lambda **state: to(page, **state)
    state, first = same("the first picture")
    times = page.stats()
    check(state["seed"] == about["seeds"][0] and first.std() > 3, f"the first picture is that of the first seed: {state}")
    check(first.shape[:2] == (512, 512), f"it has 512 x 512 pixels: {first.shape}")
    shot("first")
    canvas(page, 256)   # what follows is as good at a quarter of the pixels
    page.until(f"{page.stage}.width === 256")
    x, y = middle()
    page.drag((x + 60, y), (x - 61, y + 37))
    moved, _ = same("after a drag")
    check(moved["col"] > state["col"] and moved["row"] < state["row"], f"a drag moves the view: {moved}")
    for _ in range(6): page.mouse("mouseWheel", x - 50, y - 40, deltaX=0, deltaY=-100)
    check(same("after the wheel")[0]["zoom"] > 3, "the wheel zooms")
    shot("zoomed")
    for _ in range(120): page.mouse("mouseWheel", x, y, deltaX=0, deltaY=-200)
    check(same("at the bottom")[0]["zoom"] == 1e9, "the wheel goes to 1e9")
    page.until("document.querySelector('.creps .hint.on')?.textContent.includes('Nothing new')", 10)
    page.js(f"{page.stage}.focus()")
    page.key("0")
    page.key("n")
    state, _ = same("the next seed")
    check(state["zoom"] == 1 and state["seed"] == about["seeds"][0] + 1, f"keys: 0 is home, n the next seed: {state}")
    page.press("document.querySelectorAll('#live-seeds button')[1]")
    check(same("a seed of the row")[0]["seed"] == about["seeds"][1], "its button chooses a seed")
    points(page, same)
    canvas(page, "page")
    page.until(f"{page.stage}.width > 256")
    wide = same("as wide as the page")[1]
    check(wide.shape[1] > wide.shape[0] != 512, f"the canvas has the size chosen: {wide.shape}")
    shot("wide")
    canvas(page, 512)
    page.until(f"{page.stage}.width === 512")
    settled = []
    for psi, share in ((1, 0), (.7, .5), (.7, 1)):
        go(psi=psi, other=12345, mix=[share, *[share / 2] * (len(about["groups"]) - 1)], col=.53)
        same("mixed")
        settled.append(page.stats()["settled"])
    canvas(page, 256)
    go(moves=[2, 0, 0, 0, -1.5, 0, 0, 0])
    same("moved along directions of all blocks")
    go(part="rgb")
    same("moved in the colours alone")
    go(moves=[0] * 8)
    for more in (dict(show="upto", block=1), dict(show="added", block=0), dict(show="residual")):
        go(**more)
        same(f"{more}", 2 * state["gain"])
    go(show="picture", angle=0)
    for more in (dict(angle=30), dict(angle=90), dict(angle=0, bend="swirl"), dict(bend="lens"), dict(bend="ripple"), dict(bend="planet")):
        go(**more)
        same(f"{more}", 3)
    go(bend="none", show="residual")
    page.settle()
    check(re.search(r"residual \d", page.js("document.querySelector('.creps footer').textContent")), "the residual is told in dB")
    check("none by a server" in page.js("document.getElementById('live-line').textContent"), "what was computed, and where, is told")
    page.resize(390, 844)
    canvas(page, 512)   # more than fit
    page.until(f"{page.stage}.width > 256 && {page.stage}.width < 390")
    same("on a phone", 2 * state["gain"])   # it shows the residual still
    shot("phone")
    x, y = middle()
    go(show="picture")
    page.pinch((x - 50, y), (x + 20, y), (x + 90, y + 20))
    check(same("pinched", 3)[0]["zoom"] > 1.5, "two fingers zoom")
    check(page.js("document.documentElement.scrollWidth") <= 390, "nothing is wider than a phone")
    page.resize(1280, 900)
    return times["first"], max(settled)

def other(page, G, about, shots):
    "Another network, chosen with its button."
    same = lambda what, most=2: compare(page, G, what, most)
    page.press(f"document.querySelector('#live-models [data-model={about['name']}]')")
    page.until(f"document.querySelector('.creps header b')?.textContent === '{about['name']}'")
    state, first = same(f"the first picture of {about['name']}")
    check(state["seed"] == about["seeds"][0] and first.std() > 3, f"the first picture is that of the first seed: {state}")
    page.until(f"document.querySelectorAll('#live-seeds button').length === {len(about['seeds'])}")
    if shots: page.screenshot(Path(shots, f"{about['name']}.png"))
    canvas(page, 256)
    points(page, same)
    canvas(page, 512)
    to(page, psi=.7, other=12345, mix=[.5] * len(about["groups"]), moves=[0, 1.5, 0, 0, 0, 0, 0, 0], angle=20, bend="swirl")
    same("all at once", 3)

def told(page, url, words):
    "A page that can't draw says why."
    page("Page.navigate", url="about:blank")
    page("Page.navigate", url=url)
    page.until(f"document.querySelector('.creps .veil.on')?.textContent.includes({json.dumps(words)})")

def refused(page, url, name, words, shots):
    "A page with a file missing says so, and goes on once it is there."
    Handler.gone = {name}
    told(page, url, words)
    if shots: page.screenshot(Path(shots, f"no-{Path(name).stem}.png"))
    Handler.gone = set()
    page.press("document.querySelector('.creps .veil button')")
    page.settle()
    check(page.js("!document.querySelector('.creps .veil.on')"), f"the message about {name} goes away")

def main(site=None, shots=None):
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None) or skipped("there is no Chromium")
    if not site or not Path(site, "live.html").exists(): skipped("there is no site with a live page: python .ci/site.py SITE")
    first_of_all, *others = json.loads(Path(site, "live/models.json").read_text())
    if shots: Path(shots).mkdir(parents=True, exist_ok=True)
    flags.append("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
    server = Server(("127.0.0.1", 0), functools.partial(Handler, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    drawn_by = lambda about: Generator.from_pretrained(root / about["path"]).requires_grad_(False)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page = Page(chromium, folder, (1280, 900))
        try:
            page("Page.navigate", url=(url := f"http://127.0.0.1:{server.server_port}/live.html"))
            first, settled = tour(page, drawn_by(first_of_all), first_of_all, shots)
            sent = dict(Handler.sent)
            check(not any(about["name"] in name for about in others for name in sent), "only the network that is shown is loaded")
            for about in (*others, first_of_all): other(page, drawn_by(about), about, shots)
            check(not page.said, f"no errors in the browser's console: {page.said}")
            for name, words in ((part := f"live/{first_of_all['name']}/pixels.onnx", f"{part} of this page can't be loaded (404)"), ("live/ort.js", "live/ort.js of this page can't be loaded"),
                                ("live/worker.js", "can't start"), ("live/models.json", "live/models.json")):
                refused(page, url, name, words, shots)
        finally: page.close()
        flags.append("--js-flags=--jitless")   # a browser without WebAssembly
        (bare := Path(folder, "bare")).mkdir()
        page = Page(chromium, bare, (1280, 900))
        try: told(page, url, "This browser runs no WebAssembly")
        finally: page.close()
    mb = sum(n for name, n in sent.items() if name.startswith("live/")) / 1e6
    print(f"first picture after {first / 1000:.1f} s, 512 x 512 settled in {settled / 1000:.2f} s, as torch draws; {mb:.1f} MB for the viewer of {sum(sent.values()) / 1e6:.1f}; also {', '.join(about['name'] for about in others)}; says what is missing")

if __name__ == "__main__": main(*sys.argv[1:])
