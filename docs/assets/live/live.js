// The viewer of creps.viewer, answered by a worker in this page instead of by Python.
import {mount} from "./viewer.js";
const $ = id => document.getElementById(id), place = $("live-viewer"), line = $("live-line"), MB = n => (n / 1e6).toFixed(1), open = new Map();
const choices = [...document.querySelectorAll("#live-models button")];
let models, current, worker, count = 0, pixels = 0;  // current: the network that is shown, {about, viewer}

function start() {
    worker = new Worker(new URL("worker.js", import.meta.url), {type: "module"});
    worker.onmessage = ({data: {id, reply, error, got, whole}}) => {
        if (got) return progress(got, whole);
        if (error) return end(error);
        open.get(id)?.resolve(reply);
        open.delete(id);
    };
    worker.onerror = e => end(`What draws in this page can't start: ${e.message || "one of its files can't be loaded, or this browser is too old"}.`);
}
function end(why) {  // the next request begins anew
    worker?.terminate();
    worker = null;
    progress(0);
    for (const {reject} of open.values()) reject(Error(why));
    open.clear();
}
const post = (about, request) => new Promise((resolve, reject) => {
    if (!worker) start();
    open.set(++count, {resolve, reject});
    worker.postMessage({id: count, about, ...request});
});

// One request at a time. Tiles go to the worker in bands, so that one whose state has gone is left unfinished.
const BAND = 32, gone = mine => mine !== current;
const stale = (mine, {state, step}) => gone(mine) || step === 1 && JSON.stringify({...mine.viewer.state, block: 0}) !== JSON.stringify({...state, block: 0});
async function draw(mine, request) {
    const {tile: [y, x, h, w], step} = request, high = step === 1 ? BAND : h, image = new ImageData(Math.ceil(w / step), Math.ceil(h / step));
    let mse;
    for (let at = 0; at < h; at += high) {
        if (stale(mine, request)) return {stale: true};
        const n = Math.min(high, h - at), r = await post(mine.about, {...request, tile: [y + at, x, n, w]});
        image.data.set(r.pixels, 4 * at * w);
        pixels += r.h * r.w;
        if (r.mse !== undefined) mse = (mse || 0) + r.mse * n / h;
    }
    return mse === undefined ? {image} : {image, mse};
}
let last = Promise.resolve();
async function ask(mine, request) {
    if (request.kind === "about") return about(mine);
    const drawn = last.then(() => stale(mine, request) ? {stale: true} : request.kind === "draw" ? draw(mine, request) : post(mine.about, request));
    last = drawn.catch(() => {});
    return drawn;
}
async function about(mine) {
    models = await (models || described());  // waits in any case: the viewer is not there yet
    mine.about = models.find(({name}) => name === mine.name);
    const [seed, other] = mine.about.seeds;
    Object.assign(mine.viewer.state, {seed, other});
    await post(mine.about, {kind: "load"});
    return mine.about;
}
async function described() {
    const answer = await fetch(new URL("models.json", import.meta.url)).catch(() => ({status: "no answer"}));
    if (!answer.ok) throw Error(`The file live/models.json of this page can't be loaded (${answer.status}).`);
    return answer.json();
}
function choose(name) {
    current?.viewer.stop();
    const mine = current = {name};
    for (const b of choices) b.setAttribute("aria-pressed", b.dataset.model === name);
    $("live-seeds").replaceChildren();
    mine.viewer = mount(place, request => ask(mine, request), {changed: () => gone(mine) || settled(mine)});
    Object.assign(place.querySelector("canvas"), {role: "application", ariaLabel: "the picture: arrow keys move it, plus and minus zoom, 0 shows all of it, n is the next seed"});
}

const WHOLE = {row: .5, col: .5, zoom: 1, angle: 0};
async function suggest(mine) {  // some seeds, as they are without mixing or bending
    const {groups, seeds} = mine.about, mix = groups.map(() => 0), small = seeds.map(() => Object.assign(document.createElement("canvas"), {width: 96, height: 96}));
    for (const [k, seed] of seeds.entries()) {
        const button = Object.assign(document.createElement("button"), {type: "button", title: `seed ${seed}`, onclick: () => mine.viewer.set({...WHOLE, seed, mix})});
        button.append(small[k]);
        $("live-seeds").append(button);
    }
    for (const [k, seed] of seeds.entries()) {
        const state = {...mine.viewer.state, ...WHOLE, seed, mix, psi: 1, bend: "none", show: "picture", supersample: 1};
        const {image} = await ask(mine, {kind: "draw", state, size: [192, 192], tile: [0, 0, 192, 192], step: 2});
        if (gone(mine)) return;
        small[k].getContext("2d").putImageData(image, 0, 0);
    }
}

function progress(got, whole) {
    const stage = place.querySelector(".stage");
    stage.querySelector("progress")?.remove();
    if (!got || got >= whole) return line.textContent = got ? "starting" : "";
    stage.append(Object.assign(document.createElement("progress"), {max: whole, value: got, ariaLabel: "loading"}));
    line.textContent = `${MB(got)} of ${MB(whole)} MB loaded`;
}
function settled(mine) {
    if (!$("live-seeds").querySelector("button")) suggest(mine).catch(() => {});  // if it fails, so does the picture, which says why
    const {settled, first} = place.querySelector(".creps").creps.stats;
    line.textContent = `${pixels.toLocaleString("en")} pixels so far, all computed in this page, none by a server. First picture after ${(first / 1000).toFixed(1)} s; this one took ${(settled / 1000).toFixed(2)} s.`;
}

function side({value}) {  // in pixels of the screen, as the viewer counts them
    place.classList.toggle("fixed", value !== "page");
    place.style.setProperty("--side", `${value / Math.min(devicePixelRatio || 1, 2)}px`);
}
$("live-size").onchange = e => side(e.target);
side($("live-size"));
for (const b of choices) b.onclick = () => choose(b.dataset.model);
choose(choices[0].dataset.model);
