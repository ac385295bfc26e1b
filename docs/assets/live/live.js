// The viewer of creps.viewer, answered by a worker in this page instead of by Python.
import {mount} from "./viewer.js";
const $ = id => document.getElementById(id), place = $("live-viewer"), line = $("live-line"), MB = n => (n / 1e6).toFixed(1), open = new Map();
let about, worker, viewer, count = 0, pixels = 0;

function start() {
    worker = new Worker(new URL("worker.js", import.meta.url), {type: "module"});
    worker.onmessage = ({data: {id, reply, error, got}}) => {
        if (got) return progress(got);
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
const post = request => new Promise((resolve, reject) => {
    if (!worker) start();
    open.set(++count, {resolve, reject});
    worker.postMessage({id: count, about, ...request});
});

// One request at a time. Tiles go to the worker in bands, so that one whose state has gone is left unfinished.
const BAND = 32, stale = ({state, step}) => step === 1 && viewer && JSON.stringify({...viewer.state, block: 0}) !== JSON.stringify({...state, block: 0});
async function draw(request) {
    const {tile: [y, x, h, w], step} = request, high = step === 1 ? BAND : h, image = new ImageData(Math.ceil(w / step), Math.ceil(h / step));
    let mse;
    for (let at = 0; at < h; at += high) {
        if (stale(request)) return {stale: true};
        const n = Math.min(high, h - at), r = await post({...request, tile: [y + at, x, n, w]});
        image.data.set(r.pixels, 4 * at * w);
        pixels += r.h * r.w;
        if (r.mse !== undefined) mse = (mse || 0) + r.mse * n / h;
    }
    return mse === undefined ? {image} : {image, mse};
}
let last = Promise.resolve();
async function ask(request) {
    if (request.kind === "about") { about ||= await model(); await post({kind: "load"}); return about; }
    const mine = last.then(() => stale(request) ? {stale: true} : request.kind === "draw" ? draw(request) : post(request));
    last = mine.catch(() => {});
    return mine;
}
async function model() {
    const answer = await fetch(new URL("model.json", import.meta.url)).catch(() => ({status: "no answer"}));
    if (!answer.ok) throw Error(`The file live/model.json of this page can't be loaded (${answer.status}).`);
    const found = await answer.json();
    Object.assign(viewer.state, {seed: found.seeds[0], other: found.seeds[1]});
    return found;
}

const WHOLE = {row: .5, col: .5, zoom: 1, angle: 0};
async function suggest() {  // seeds worth a look, as they are without mixing or bending
    const mix = about.groups.map(() => 0), small = about.seeds.map(() => Object.assign(document.createElement("canvas"), {width: 120, height: 80}));
    for (const [k, seed] of about.seeds.entries()) {
        const button = Object.assign(document.createElement("button"), {type: "button", title: `seed ${seed}`, onclick: () => viewer.set({...WHOLE, seed, mix})});
        button.append(small[k]);
        $("live-seeds").append(button);
    }
    for (const [k, seed] of about.seeds.entries()) {
        const state = {...viewer.state, ...WHOLE, seed, mix, psi: 1, bend: "none", show: "picture"};
        small[k].getContext("2d").putImageData((await ask({kind: "draw", state, size: [160, 240], tile: [0, 0, 160, 240], step: 2})).image, 0, 0);
    }
}

function progress(got) {
    const stage = place.querySelector(".stage");
    stage.querySelector("progress")?.remove();
    if (!got || got >= about.bytes) return line.textContent = got ? "starting" : "";
    stage.append(Object.assign(document.createElement("progress"), {max: about.bytes, value: got, ariaLabel: "loading"}));
    line.textContent = `${MB(got)} of ${MB(about.bytes)} MB loaded`;
}
function settled() {
    if (!$("live-seeds").querySelector("button")) suggest().catch(() => {});  // if it fails, so does the picture, which says why
    const {settled, first} = place.querySelector(".creps").creps.stats;
    line.textContent = `${pixels.toLocaleString("en")} pixels so far, all computed in this page, none by a server. First picture after ${(first / 1000).toFixed(1)} s; this one took ${(settled / 1000).toFixed(2)} s.`;
}

$("live-size").onchange = ({target: {value}}) => {  // in pixels of the screen, as the viewer counts them
    place.classList.toggle("fixed", value !== "page");
    place.style.setProperty("--side", `${value / Math.min(devicePixelRatio || 1, 2)}px`);
};
viewer = mount(place, ask, {changed: settled});
Object.assign(place.querySelector("canvas"), {role: "application", ariaLabel: "the picture: arrow keys move it, plus and minus zoom, 0 shows all of it, n is the next seed"});
