// Draws with the parts of a network that creps.export writes: mapping, lines and pixels. One request after the other: {about: which network; kind: load, draw or detail; state, size, tile, step}, as creps.viewer.answer takes them.
import {latent} from "./seeds.js";
const LINES = 64, PIXELS = 4096;  // positions and pixels of one run: what it works on stays in the processor's cache
const NODES = 8192;               // positions that a turned or bent piece may take along an axis

let about, nets, ort;  // the network of the request that is being answered, and what executes it

async function load() {
    if (typeof WebAssembly !== "object") throw Error("This browser runs no WebAssembly, which draws here. It may be switched off, or the browser may be too old.");
    const parts = ["mapping", "lines", "pixels"], whole = about.bytes + (ort ? 0 : about.runtime);
    let got = 0;
    const bytes = async name => {
        const chunks = [], reader = (await file(name)).body.getReader();
        for (let r; !(r = await reader.read()).done;) { chunks.push(r.value); postMessage({got: got += r.value.length, whole}); }
        return new Response(new Blob(chunks));
    };
    const [wasm, ...models] = await Promise.all([ort ? null : bytes("ort.wasm.packed"), ...parts.map(p => bytes(`${about.name}/${p}.onnx`))]), found = {};
    if (wasm) {
        const runtime = await import("./ort.js").catch(e => { throw Error(`The file live/ort.js of this page can't be loaded (${e.message}).`); });
        const unpacked = new Response(wasm.body.pipeThrough(new DecompressionStream("gzip")));
        Object.assign(runtime.env.wasm, {wasmBinary: await unpacked.arrayBuffer(), numThreads: self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 4) : 1});
        ort = runtime;
    }
    try { for (const p of parts) found[p] = await ort.InferenceSession.create(await models.shift().arrayBuffer(), {executionProviders: ["wasm"]}); }
    catch (e) { throw Error(`This browser can't execute the model: ${e.message}`); }
    return found;
}
async function file(name) {
    const answer = await fetch(new URL(name, import.meta.url)).catch(() => ({status: "no answer"}));
    if (!answer.ok) throw Error(`The file live/${name} of this page can't be loaded (${answer.status}).`);
    return answer;
}
const floats = (data, dims) => new ort.Tensor("float32", data, dims), doubles = data => new ort.Tensor("float64", data, [data.length]);

// ---- codes
async function mapped(seed, {psi, label}) {
    const feed = {z: floats(latent(seed, about.z_dim), [1, about.z_dim]), psi: floats(new Float32Array(about.num_ws).fill(psi), [about.num_ws])};
    if (about.label_dim) feed.label = floats(Float32Array.from({length: about.label_dim}, (_, i) => +(i === label)), [1, about.label_dim]);
    return (await nets.mapping.run(feed)).ws.data;
}
async function code(s) {  // ws [num_ws * w_dim], as creps.viewer.code
    const ws = (await mapped(s.seed, s)).slice(), W = about.w_dim;
    if (s.mix.some(m => m)) {
        const other = await mapped(s.other, s), shares = about.groups.map((g, k) => about.members[k].map(i => [i, s.mix[k]])).flat();
        for (const [i, share] of shares) for (let j = i * W; j < (i + 1) * W; j++) ws[j] += share * (other[j] - ws[j]);
    }
    const moving = s.part === "all" ? about.members.flat() : about.members[about.groups.indexOf(s.part)];
    for (const [k, amount] of s.moves.entries()) if (amount)
        for (const i of moving) for (let j = 0; j < W; j++) ws[i * W + j] += amount * about.ways[s.part][k][j];
    return ws;
}

// ---- lines: computed once for each place of a grid along an axis, so that a picture that is dragged asks for new ones only
class Lines {
    constructor(ws) { this.ws = floats(ws, [1, about.num_ws, about.w_dim]); this.grids = []; }

    async at(axis, start, step, n) {  // of positions start + k step: a table [maps * channels * rank, n]
        let g = this.grids.find(g => g.axis === axis && g.step === step && Math.abs((start - g.start) / step - Math.round((start - g.start) / step)) < .01);
        this.grids = [g ||= {axis, step, start, from: 0, to: 0}, ...this.grids.filter(h => h !== g)].slice(0, 12);
        const from = Math.round((start - g.start) / step), to = from + n;
        const apart = to < g.from || from > g.to || Math.max(to, g.to) - Math.min(from, g.from) > 8192;
        if (apart) Object.assign(g, {from, to: from});
        const before = await this.compute(g, from, g.from), after = await this.compute(g, Math.max(g.to, from), to);
        if (before.length || after.length) Object.assign(g, {table: beside([...before, ...g.to > g.from ? [g.table] : [], ...after]), from: Math.min(from, g.from), to: Math.max(to, g.to)});
        return columns(g.table, g.to - g.from, from - g.from, n);
    }
    async compute(g, from, to) {  // tables of positions from, ... to - 1
        const tables = [];
        for (let a = from; a < to; a += LINES) {
            const t = Float64Array.from({length: Math.min(LINES, to - a)}, (_, i) => g.start + (a + i) * g.step), none = new Float64Array(0);
            const lines = await nets.lines.run({ws: this.ws, rows: doubles(g.axis ? none : t), cols: doubles(g.axis ? t : none)});
            tables.push(lines[g.axis ? "col_lines" : "row_lines"].data);
        }
        return tables;
    }
}
const height = () => about.maps * about.channels * about.rank;
function beside(tables) {
    const widths = tables.map(t => t.length / height()), width = widths.reduce((a, b) => a + b), out = new Float32Array(height() * width);
    for (let k = 0, x = 0; k < tables.length; x += widths[k++]) for (let i = 0; i < height(); i++) out.set(tables[k].subarray(i * widths[k], (i + 1) * widths[k]), i * width + x);
    return out;
}
function columns(table, width, from, n) {
    const out = new Float32Array(height() * n);
    for (let i = 0; i < height(); i++) out.set(table.subarray(i * width + from, i * width + from + n), i * n);
    return out;
}
// Maps are sums: each holds what its block hands out, and those before it. `only`: up to a block; `less`: without one.
function changed(table, {only = about.maps, less = about.maps}) {
    const map = table.length / about.maps, out = table.slice();
    for (let k = only + 1; k < about.maps; k++) out.copyWithin(k * map, only * map, (only + 1) * map);
    for (let k = less; k < about.maps; k++) for (let i = 0; i < map; i++) out[k * map + i] -= table[less * map + i] - (less ? table[(less - 1) * map + i] : 0);
    return out;
}

// ---- pictures
const BENDS = {  // as creps.warp, around the middle: offsets -> place
    lens: a => { const k = 2 * (a > 0 ? a : a / 3); return (y, x) => { const far = 1 + k * (y * y + x * x); return [.5 + far * y, .5 + far * x]; }; },
    swirl: a => (y, x) => { const t = 2 * Math.PI * a * Math.max(1 - 4 * (y * y + x * x), 0) ** 2, s = Math.sin(t), c = Math.cos(t); return [.5 + x * s + y * c, .5 + x * c - y * s]; },
    ripple: a => (y, x) => { const d = Math.hypot(y, x), k = 1 + .1 * a * Math.sin(8 * Math.PI * d) / Math.hypot(d, .25); return [.5 + k * y, .5 + k * x]; },
    planet: () => (y, x) => [1 - Math.hypot(y, x) * Math.SQRT2, Math.abs(Math.atan2(x, -y)) / Math.PI],
};
const toT = u => (about.resolution * u - .5) / (about.resolution - 1);

// Bytes [h, w, RGBA] of a window: pixel (i, j) lies (top + i * high, left + j * wide) plane units off the middle of the view. It is the mean over k x k places.
async function drawn(s, lines, pixels, how = {}) {
    const k = s.supersample, high = pixels.high / k, wide = pixels.wide / k, h = k * pixels.h, w = k * pixels.w;
    const top = pixels.top - (k - 1) * high / 2, left = pixels.left - (k - 1) * wide / 2, sums = new Float32Array(3 * pixels.h * pixels.w), unit = about.resolution / (about.resolution - 1);
    const run = async (rows, cols, a, b, at) => {
        const shape = [about.maps, 1, about.channels, about.rank], {image} = await nets.pixels.run({ws: lines.ws, row_lines: floats(rows, [...shape, a]), col_lines: floats(cols, [...shape, b])});
        const rgb = image.data, n = a * b;
        for (let p = 0; p < n; p++) {
            const q = 3 * (Math.floor((at + p) / w / k) * pixels.w + Math.floor((at + p) % w / k));
            sums[q] += rgb[p]; sums[q + 1] += rgb[p + n]; sums[q + 2] += rgb[p + 2 * n];
        }
    };
    const bytes = () => {
        const out = new Uint8ClampedArray(4 * pixels.h * pixels.w).fill(255);
        for (let i = 0, q = 0; i < out.length; i += 4) for (let c = i; c < i + 3; c++) out[c] = Math.floor(127.5 * sums[q++] / (k * k) + 128);
        return out;
    };
    if (s.bend === "none" && s.angle % 360 === 0) {
        const rows = changed(await lines.at(0, toT(s.row + top), high * unit, h), how), cols = changed(await lines.at(1, toT(s.col + left), wide * unit, w), how);
        const band = Math.max(1, Math.floor(PIXELS / w));
        for (let i = 0; i < h; i += band) { const n = Math.min(band, h - i); await run(columns(rows, h, i, n), cols, n, w, i * w); }
        return bytes();
    }
    // Turned and bent: each pixel has a row and a column of its own, between two of a table. Their product, summed over the rank by the network, is the feature.
    const angle = s.angle * Math.PI / 180, sin = Math.sin(angle), cos = Math.cos(angle), bend = s.bend === "none" ? (y, x) => [.5 + y, .5 + x] : BENDS[s.bend](s.amount);
    const ys = new Float64Array(h * w), xs = new Float64Array(h * w), ends = [ys, xs].map(() => [Infinity, -Infinity]);
    for (let i = 0, p = 0; i < h; i++) for (let j = 0; j < w; j++, p++) {
        const y = top + i * high, x = left + j * wide, u = bend(s.row - .5 + x * sin + y * cos, s.col - .5 + x * cos - y * sin);
        ys[p] = toT(u[0]); xs[p] = toT(u[1]);
    }
    for (const [t, e] of [[ys, ends[0]], [xs, ends[1]]]) for (const x of t) { if (x < e[0]) e[0] = x; if (x > e[1]) e[1] = x; }
    const span = Math.max(...ends.map(([low, up]) => up - low)), nodes = 2 ** Math.min(Math.ceil(Math.log2(about.resolution)) + 6, Math.ceil(Math.log2(8 / Math.max(high, wide))), Math.floor(Math.log2(NODES / span)));
    const table = async (axis, [low, up]) => {
        const from = Math.floor(low * nodes), n = Math.floor(up * nodes) + 2 - from;
        return {from, n, lines: changed(await lines.at(axis, from / nodes, 1 / nodes, n), how)};
    };
    const rows = await table(0, ends[0]), cols = await table(1, ends[1]), ones = new Float32Array(height()).fill(1);
    for (let at = 0; at < h * w; at += PIXELS) {
        const n = Math.min(PIXELS, h * w - at), product = new Float32Array(height() * n), i = new Int32Array(n), j = new Int32Array(n), f = new Float32Array(n), g = new Float32Array(n);
        for (let p = 0; p < n; p++) {
            const y = ys[at + p] * nodes - rows.from, x = xs[at + p] * nodes - cols.from;
            f[p] = y - (i[p] = Math.floor(y)); g[p] = x - (j[p] = Math.floor(x));
        }
        for (let m = 0, out = 0; m < height(); m++) {
            const a = rows.lines.subarray(m * rows.n, (m + 1) * rows.n), b = cols.lines.subarray(m * cols.n, (m + 1) * cols.n);
            for (let p = 0; p < n; p++, out++) { const y = i[p], x = j[p]; product[out] = (a[y] + f[p] * (a[y + 1] - a[y])) * (b[x] + g[p] * (b[x + 1] - b[x])); }
        }
        await run(ones, product, 1, n, at);
    }
    return bytes();
}
const windowOf = (s, [H, W]) => { const side = Math.min(1, H / W) / s.zoom; return [side, side * W / H]; };   // its height is min(1, 1/a)/zoom: see creps.coords.View
function frame(s, size, [y, x, h, w], rows, cols, [tall, broad] = windowOf(s, size)) {  // rows x cols pixels over a tile
    const high = h / rows * tall / size[0], wide = w / cols * broad / size[1];
    return {top: (y / size[0] - .5) * tall + high / 2, left: (x / size[1] - .5) * broad + wide / 2, high, wide, h: rows, w: cols};
}

const grey = (a, b, gain) => a.map((x, i) => i % 4 === 3 ? 255 : Math.floor(128 + gain * (x - b[i])));
async function picture(s, lines, size, tile, step) {  // as creps.viewer.picture
    if (step > 1) s = {...s, supersample: 1};
    const [h, w] = tile.slice(2).map(n => Math.ceil(n / step)), draw = (how, k = 1) => drawn(s, lines, frame(s, size, tile, k * h, k * w), how);
    if (s.show === "upto") return {pixels: await draw({only: s.block}), h, w};
    if (s.show === "picture") return {pixels: await draw(), h, w};
    const whole = await draw();
    if (s.show === "added") return {pixels: grey(whole, await draw({less: s.block}), s.gain), h, w};
    const large = await draw({}, 2), mean = new Float32Array(4 * h * w);
    for (let i = 0; i < h; i++) for (let j = 0; j < w; j++) for (let c = 0; c < 4; c++) {
        const q = 4 * (2 * i * 2 * w + 2 * j) + c;
        mean[4 * (i * w + j) + c] = (large[q] + large[q + 4] + large[q + 8 * w] + large[q + 8 * w + 4]) / 4;
    }
    let power = 0;
    for (let q = 0; q < mean.length; q++) if (q % 4 < 3) power += ((whole[q] - mean[q]) / 127.5) ** 2;
    return {pixels: grey(whole, mean, s.gain), h, w, mse: power / (3 * h * w)};
}
async function nothingNew(s, lines, size) {  // is a picture of a sixteenth of the pixels, enlarged, as good? As creps.viewer.nothing_new
    const [half, quarter] = [2, 4].map(k => size.map(n => Math.max(Math.floor(n / k), 16)));
    const draw = n => drawn(s, lines, frame(s, size, [0, 0, ...size], ...n)), rough = await draw(quarter), fine = await draw(half);
    const place = (i, axis) => { const y = Math.min(Math.max((i + .5) * quarter[axis] / half[axis] - .5, 0), quarter[axis] - 1), low = Math.min(Math.floor(y), quarter[axis] - 2); return [low, y - low]; };
    for (let i = 4; i < half[0] - 4; i++) for (let j = 4; j < half[1] - 4; j++) for (let c = 0; c < 3; c++) {
        const [y, f] = place(i, 0), [x, g] = place(j, 1), at = (y, x) => rough[4 * (y * quarter[1] + x) + c];
        const enlarged = (1 - f) * ((1 - g) * at(y, x) + g * at(y, x + 1)) + f * ((1 - g) * at(y + 1, x) + g * at(y + 1, x + 1));
        if (Math.abs(enlarged - fine[4 * (i * half[1] + j) + c]) > 3) return false;
    }
    return true;
}

// ---- requests
const known = new Map();  // lines of the last few codes
async function linesOf(s) {
    const key = JSON.stringify([about.name, s.seed, s.psi, s.label, s.mix.some(m => m) && [s.other, s.mix], s.moves.some(m => m) && [s.part, s.moves]]), lines = known.get(key) || new Lines(await code(s));
    known.delete(key);
    known.set(key, lines);
    if (known.size > 3) known.delete(known.keys().next().value);
    return lines;
}
const loaded = new Map();  // parts of each network
async function answer(request) {
    const {kind, state, size, tile, step} = request;
    about = request.about;
    if (!loaded.has(about.name)) loaded.set(about.name, await load());
    nets = loaded.get(about.name);
    if (kind === "load") return {};
    const lines = await linesOf(state);
    return kind === "detail" ? {nothing_new: await nothingNew(state, lines, size)} : picture(state, lines, size, tile, step);
}
let queue = Promise.resolve();
onmessage = ({data: {id, ...request}}) => {
    queue = queue.then(() => answer(request)).then(reply => postMessage({id, reply}, reply.pixels ? [reply.pixels.buffer] : []), e => postMessage({id, error: e.message || `${e}`}));
};
