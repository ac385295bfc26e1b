// The viewer: a canvas to drag, a panel to play with. `mount(el, ask)` works with anything that carries a request to
// creps.viewer.answer in Python and brings back {...reply, image: Blob}. Notebook cells (anywidget) and `creps view` share it.
const TILE = 256, WHOLE = 1024, ZOOMS = [.05, 1e9];  // bent views are drawn in large pieces: what they cost is mostly the same for any size
const START = {seed: 0, found: 0, psi: 1, label: 0, other: 1, mix: [], moves: [], part: "all", row: .5, col: .5, zoom: 1, angle: 0, bend: "none", amount: .4, show: "picture", block: 0, gain: 8, supersample: 0};
const VIEW = ["row", "col", "zoom", "angle"], SHOWS = {picture: "picture", residual: "residual", upto: "up to block", added: "block adds"};
const GAINS = {residual: 8, added: 1}, BENDS = {none: "flat", lens: "lens", swirl: "swirl", ripple: "ripple", planet: "planet"};

const h = (tag, props = {}, ...kids) => { const e = Object.assign(document.createElement(tag), props); e.append(...kids); return e; };
const clamp = (x, a, b) => Math.min(Math.max(x, a), b);
const sheet = (w, h) => Object.assign(document.createElement("canvas"), {width: w, height: h});
const times = x => { const e = Math.floor(Math.log10(x) + 1e-9); return x < 1e4 ? `${+x.toPrecision(3)}×` : `${(x / 10 ** e).toFixed(1)}·10${[...`${e}`].map(c => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]).join("")}×`; };

// Plane units of a pixel, and the plane's (row, column) at an offset of pixels from the middle: see creps.coords.View.
const pitch = v => Math.min(1, v.H / v.W) / v.zoom / v.H;
const plane = (v, x, y, p = pitch(v), a = v.angle * Math.PI / 180) =>
    [v.row + p * (x * Math.sin(a) + y * Math.cos(a)), v.col + p * (x * Math.cos(a) - y * Math.sin(a))];

// The transform that shows a picture of view `a` where it lies in view `b`.
function between(a, b) {
    const d = (b.angle - a.angle) * Math.PI / 180, k = pitch(a) / pitch(b), t = b.angle * Math.PI / 180, p = pitch(b);
    const r = a.row - b.row, c = a.col - b.col, x = (r * Math.sin(t) + c * Math.cos(t)) / p, y = (r * Math.cos(t) - c * Math.sin(t)) / p;
    return [k * Math.cos(d), -k * Math.sin(d), k * Math.sin(d), k * Math.cos(d), x + b.W / 2, y + b.H / 2];
}

export function mount(el, ask, {state: given = {}, changed = () => {}, height = "100%"} = {}) {
    const state = {...START, ...given}, client = Math.random().toString(36).slice(2), stats = {first: 0, settled: 0, drawn: 0, error: ""};
    const canvas = h("canvas", {tabIndex: 0}), hint = h("div", {className: "hint"}), where = h("span"), took = h("span"), veil = h("div", {className: "veil"});
    const strip = h("div", {className: "strip"}), panel = h("aside");
    const stage = h("div", {className: "stage"}, canvas, strip, hint, veil, h("footer", {}, where, took)), root = h("div", {className: "creps"}, stage, panel);
    root.style.height = height;
    el.replaceChildren(root);
    const ctx = canvas.getContext("2d"), born = performance.now(), refresh = [];  // refresh: functions that bring a control up to date
    let about, base, wanted = 0, busy = false, playing = false, last = 0, step = 4, alive = true;

    const view = () => ({...Object.fromEntries(VIEW.map(k => [k, state[k]])), W: canvas.width, H: canvas.height});
    const content = s => JSON.stringify({...s, ...Object.fromEntries(VIEW.map(k => [k, 0]))});
    const bent = s => s.angle % 90 || s.bend !== "none";

    // ---- drawing: a coarse picture at once, then tiles; a newer state leaves the rest unasked
    async function piece(s, v, gen, tile, step) {
        const reply = await ask({kind: "draw", client, gen, state: s, size: [v.H, v.W], tile, step});
        return reply.stale ? {} : {...reply, picture: await createImageBitmap(reply.image)};
    }
    function lay(s, v, picture) {  // what was drawn before stays where it is sharper
        const old = base, next = sheet(v.W, v.H), c = next.getContext("2d");
        c.imageSmoothingQuality = "high";
        c.drawImage(picture, 0, 0, v.W, v.H);
        if (old && old.content === content(s) && old.sharp && pitch(old.view) < 3 * pitch(v)) {
            c.setTransform(...between(old.view, v));
            c.drawImage(old.sheet, -old.view.W / 2, -old.view.H / 2);
            c.resetTransform();
        }
        base = {sheet: next, view: v, content: content(s), sharp: old?.content === content(s) && old.sharp};
        paint();
    }
    function tiles(s, v) {
        const side = bent(s) ? WHOLE : TILE, all = [];
        for (let y = 0; y < v.H; y += side) for (let x = 0; x < v.W; x += side) all.push([y, x, Math.min(side, v.H - y), Math.min(side, v.W - x)]);
        const off = ([y, x, h, w]) => Math.hypot(y + h / 2 - v.H / 2, x + w / 2 - v.W / 2);
        return all.sort((a, b) => off(a) - off(b));
    }
    async function fine(s, v, gen) {
        const left = tiles(s, v), power = [];
        const lane = async () => {
            while (left.length && gen === wanted) {
                const t = left.shift(), r = await piece(s, v, gen, t, 1);
                if (!r.picture || gen !== wanted) return;
                base.sheet.getContext("2d").drawImage(r.picture, t[1], t[0]);
                if (r.mse !== undefined) power.push(r.mse * t[2] * t[3]);
                paint();
            }
        };
        await Promise.all([lane(), lane()]);  // two, so that Python never waits for the next
        if (gen === wanted) base.sharp = true;
        return power.length ? -10 * Math.log10(Math.max(power.reduce((a, b) => a + b) / (v.W * v.H) / 4, 1e-10)) : null;  // peak 2: images lie in [-1, 1]
    }
    async function pump() {
        if (busy || !alive) return;
        busy = true;
        for (let gen = -1; gen !== wanted && alive;) {
            const s = structuredClone(state), v = view(), begun = performance.now();
            gen = wanted;
            try {
                const rough = bent(s) ? Math.max(step, 4) : step, r = await piece(s, v, gen, [0, 0, v.H, v.W], rough);
                if (r.picture) lay(s, v, r.picture);
                const ms = performance.now() - begun;
                stats.first ||= performance.now() - born;
                step = clamp(ms > 110 ? step * 2 : ms < 20 ? step / 2 : step, 2, 16);
                say("");
                if (playing) { walk(ms); await new Promise(requestAnimationFrame); continue; }
                const db = gen === wanted ? await fine(s, v, gen) : null;
                if (gen !== wanted) continue;
                stats.settled = performance.now() - begun;
                stats.drawn++;
                took.textContent = (db === null ? "" : `residual ${db.toFixed(1)} dB · `) + `${(stats.settled / 1000).toFixed(2)} s`;
                changed(s);
                await extras(s, v, gen);
            } catch (e) { fail(e, gen); }
        }
        busy = false;
    }
    async function extras(s, v, gen) {
        if (s.show === "upto" || s.show === "added") for (const [k, thumb] of [...strip.children].entries()) {
            if (gen !== wanted) return;
            const size = {...v, W: 96, H: 64}, r = await piece({...s, block: k}, size, gen, [0, 0, 64, 96], 1);
            if (r.picture) thumb.firstChild.getContext("2d").drawImage(r.picture, 0, 0);
        }
        if (gen !== wanted || s.show !== "picture" || s.zoom < 2) return;
        const r = await ask({kind: "detail", client, gen, state: s, size: [v.H, v.W]});
        if (gen === wanted && r.nothing_new) note("Nothing new down here: a sixteenth of the pixels, enlarged, shows the same.");
    }

    // ---- showing
    function paint() {
        const v = view();
        ctx.setTransform(1, 0, 0, 1, 0, 0);
        ctx.clearRect(0, 0, v.W, v.H);
        if (!base) return;
        ctx.setTransform(...between(base.view, v));
        ctx.drawImage(base.sheet, -base.view.W / 2, -base.view.H / 2);
        const digits = clamp(Math.ceil(Math.log10(state.zoom)) + 3, 3, 12), grain = about ? 1 / about.resolution / pitch(v) : 1;
        where.textContent = `${times(state.zoom)} · ${state.row.toFixed(digits)}, ${state.col.toFixed(digits)} · trained pixel ${times(grain)}`;
    }
    function note(text) { hint.textContent = text; hint.classList.toggle("on", !!text); }
    function say(text, button) {
        if (text === stats.error) return;
        stats.error = text;
        veil.classList.toggle("on", !!text);
        veil.replaceChildren(...text ? [h("p", {textContent: text}), ...button ? [button] : []] : []);
    }
    function fail(e, gen) {
        playing = false;
        say(e.message, h("button", {textContent: "Try again", onclick: touch}));
        refresh.forEach(f => f());
        if (gen === wanted) stats.failed = (stats.failed || 0) + 1;
    }
    function touch() { wanted++; note(""); refresh.forEach(f => f()); paint(); pump(); }
    function set(news) { Object.assign(state, news); touch(); }
    function walk(ms) { state.seed = +(state.seed + clamp(ms, 30, 200) / 2500).toFixed(4); wanted++; refresh.forEach(f => f()); }
    function zoomAt(x, y, factor, turn = 0) {  // what is under (x, y) stays there
        const zoom = clamp(state.zoom * factor, ...ZOOMS), angle = (state.angle + turn + 540) % 360 - 180;
        const before = plane(view(), x, y), after = plane({...view(), zoom, angle}, x, y);
        set({zoom, angle, row: state.row + before[0] - after[0], col: state.col + before[1] - after[1]});
        if (zoom === ZOOMS[1]) note("10⁹×: the last stop. Coordinates of 64 bits end soon after.");
    }
    function pan(x, y) { const [row, col] = plane(view(), -x, -y); set({row, col}); }

    // ---- hands
    const held = new Map(), at = e => { const r = canvas.getBoundingClientRect(), k = canvas.width / r.width; return [(e.clientX - r.left) * k - canvas.width / 2, (e.clientY - r.top) * k - canvas.height / 2]; };
    canvas.onpointerdown = e => { canvas.setPointerCapture(e.pointerId); held.set(e.pointerId, at(e)); canvas.classList.add("held"); };
    canvas.onpointerup = canvas.onpointercancel = e => { held.delete(e.pointerId); canvas.classList.toggle("held", held.size > 0); };
    canvas.onpointermove = e => {
        const was = held.get(e.pointerId), now = at(e), other = [...held].find(([id]) => id !== e.pointerId)?.[1];
        if (!was) return;
        held.set(e.pointerId, now);
        if (!other) return e.shiftKey ? turnBy((now[0] - was[0]) / 4) : pan(now[0] - was[0], now[1] - was[1]);
        const span = p => Math.hypot(p[0] - other[0], p[1] - other[1]), slope = p => Math.atan2(p[1] - other[1], p[0] - other[0]);
        zoomAt(...other, span(now) / Math.max(span(was), 1), (slope(was) - slope(now)) * 180 / Math.PI);
    };
    canvas.addEventListener("wheel", e => { e.preventDefault(); zoomAt(...at(e), Math.exp(-clamp(e.deltaY * (e.deltaMode ? 30 : 1), -200, 200) / 400)); }, {passive: false});
    canvas.ondblclick = e => zoomAt(...at(e), 4);
    const turnBy = d => zoomAt(0, 0, 1, d), home = () => set({row: .5, col: .5, zoom: 1, angle: 0});
    const play = () => { playing = !playing; touch(); };
    canvas.onkeydown = e => {
        const far = canvas.height / 8, act = {ArrowLeft: () => pan(far, 0), ArrowRight: () => pan(-far, 0), ArrowUp: () => pan(0, far), ArrowDown: () => pan(0, -far), "+": () => zoomAt(0, 0, 1.5),
            "=": () => zoomAt(0, 0, 1.5), "-": () => zoomAt(0, 0, 1 / 1.5), 0: home, q: () => turnBy(5), e: () => turnBy(-5), " ": play, n: () => set({seed: Math.floor(state.seed) + 1})}[e.key];
        if (act && !e.ctrlKey && !e.metaKey) { e.preventDefault(); e.stopPropagation(); act(); }
    };

    // ---- panel
    const button = (text, title, onclick) => h("button", {textContent: text, title, onclick});
    const row = (name, ...kids) => h("label", {}, h("span", {textContent: name}), ...kids);
    const keep = (e, f) => { refresh.push(() => { if (document.activeElement !== e || e.type !== "number") f(e); }); return e; };
    function slider(name, key, min, max, step = .01, zero = null) {
        const out = h("output"), e = h("input", {type: "range", min, max, step, oninput: () => set({[key]: +e.value}), ondblclick: () => zero !== null && set({[key]: zero})});
        return row(name, keep(e, e => { e.value = state[key]; out.textContent = +(+state[key]).toFixed(2); }), out);
    }
    const number = (key, max) => { const e = h("input", {type: "number", min: 0, max, step: 1, oninput: () => e.value !== "" && set({[key]: clamp(+e.value, 0, max)})}); return keep(e, e => { e.value = state[key]; }); };
    const several = (columns, ...kids) => { const box = h("div", {className: "several"}, ...kids); box.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`; return box; };
    const choice = (key, names, columns) => { const box = several(columns); for (const [k, name] of Object.entries(names)) box.append(keep(button(name, "", () => set({[key]: k, ...GAINS[k] && {gain: GAINS[k]}})), b => b.classList.toggle("on", state[key] === k))); return box; };
    const points = own => {  // to a pixel, along each side
        const box = h("div", {className: "points"}, h("span", {textContent: "points in a pixel"}));
        for (const s of [...new Set([1, 2, 4, own])].sort((a, b) => a - b))
            box.append(keep(button(s === 1 ? "1" : `${s}×${s}`, "a pixel is the mean of them: smoother edges, and slower", () => set({supersample: s})), b => b.classList.toggle("on", state.supersample === s)));
        return box;
    };
    const when = (e, test) => { refresh.push(() => { e.hidden = !test(); }); return e; };

    function build() {
        const ways = about.directions || [], codes = about.codes || 0;  // a page without Python has neither
        if (state.mix.length !== about.groups.length) state.mix = about.groups.map(() => 0);
        if (state.moves.length !== ways.length) state.moves = ways.map(() => 0);
        if (given.found === undefined && codes) state.found = 1;
        state.found = clamp(state.found, 0, codes);
        state.supersample ||= about.supersample;
        state.block = clamp(state.block, 0, about.blocks.length - 1);
        const most = 2 ** 31 - 2, fader = (name, i) => {
            const e = h("input", {type: "range", min: 0, max: 1, step: .01, title: name, oninput: () => set({mix: state.mix.map((m, j) => j === i ? +e.value : m)})});
            return h("div", {}, keep(e, e => { e.value = state.mix[i]; }), h("small", {textContent: name}));
        };
        const mover = (name, i) => {
            const out = h("output"), to = x => set({moves: state.moves.map((m, j) => j === i ? x : m)});
            const e = h("input", {type: "range", min: -4, max: 4, step: .05, title: "standard deviations", oninput: () => to(+e.value), ondblclick: () => to(0)});
            return row(name, keep(e, e => { e.value = state.moves[i]; out.textContent = +(+state.moves[i]).toFixed(2); }), out);
        };
        strip.replaceChildren(...about.blocks.map((name, k) => keep(h("button", {onclick: () => set({block: k})}, sheet(96, 64), h("small", {textContent: name})), b => b.classList.toggle("on", state.block === k))));
        when(strip, () => state.show === "upto" || state.show === "added");
        panel.replaceChildren(
            h("header", {}, h("b", {textContent: about.name}), h("small", {textContent: `trained at ${about.resolution} px`})),
            h("section", {}, row("seed", button("‹", "previous", () => set({seed: Math.max(Math.ceil(state.seed) - 1, 0)})), number("seed", most), button("›", "next (n)", () => set({seed: Math.floor(state.seed) + 1})),
                button("⚄", "any", () => set({seed: Math.floor(Math.random() * 1e6)}))), several(1, keep(button("", "from seed to seed (space)", play), b => { b.textContent = playing ? "❚❚ stay here" : "▶ walk on"; })),
                ...codes ? [slider("found", "found", 0, codes, .01, 1)] : [], slider("truncation", "psi", 0, 1.5, .01, 1), ...about.label_dim ? [row("class", number("label", about.label_dim - 1))] : []),
            h("section", {}, h("h3", {textContent: "View"}), slider("turn", "angle", -180, 180, .5, 0), choice("bend", BENDS, 5), when(slider("amount", "amount", -1, 1, .01, 0), () => !["none", "planet"].includes(state.bend)),
                points(about.supersample), several(2, button("whole picture", "0", home), button("save PNG", "as it is on the screen", save))),
            h("section", {}, h("h3", {textContent: "Mix with another seed"}), row("other", number("other", most), button("swap", "", () => set({seed: state.other, other: state.seed, mix: state.mix.map(m => 1 - m)})), button("clear", "", () => set({mix: state.mix.map(() => 0)}))),
                h("div", {className: "faders"}, ...about.groups.map(fader))),
            ...ways.length ? [h("section", {className: "ways"}, h("h3", {textContent: "Move along directions, in all blocks or one"}),
                choice("part", Object.fromEntries(["all", ...about.groups].map(name => [name, name])), 4), ...ways.map(mover), several(1, button("straight back", "all directions to 0", () => set({moves: ways.map(() => 0)}))))] : [],
            h("section", {}, h("h3", {textContent: "Show"}), choice("show", SHOWS, 2), when(slider("contrast", "gain", 1, 32, 1, 8), () => ["residual", "added"].includes(state.show)), when(h("p", {textContent: "This picture less the one of twice the size, reduced: how far apart are two sizes of the same picture?"}), () => state.show === "residual"),
                when(h("p", {textContent: "The lines of the chosen block and of those below it, alone."}), () => state.show === "upto"), when(h("p", {textContent: "The picture less the same without the lines of the chosen block."}), () => state.show === "added")),
            h("section", {className: "keys", textContent: "drag · wheel · shift-drag turns · double-click · arrows + − 0 q e n space"}));
    }
    const save = () => canvas.toBlob(b => { const a = h("a", {href: URL.createObjectURL(b), download: `seed${state.seed}.png`}); a.click(); setTimeout(() => URL.revokeObjectURL(a.href), 1000); });

    const fit = () => {
        const k = Math.min(devicePixelRatio || 1, 2), [W, H] = [stage.clientWidth * k, stage.clientHeight * k].map(n => clamp(Math.round(n), 64, 2048));
        if (W === canvas.width && H === canvas.height) return;
        Object.assign(canvas, {width: W, height: H});
        if (about) touch();
    };
    const watch = new ResizeObserver(fit);
    watch.observe(stage);
    const hello = async () => {
        try { about = await ask({kind: "about", client, gen: 0}); } catch (e) { return say(e.message, h("button", {textContent: "Try again", onclick: hello})); }
        build();
        fit();
        touch();
    };
    hello();
    Object.assign(root, {creps: {state, set, stats, get settled() { return !busy; }}});
    return {set, state, stop() { alive = false; watch.disconnect(); }};
}

// ---- how requests travel: by HTTP from a page, by widget messages from a notebook
export const byHttp = url => async request => {
    const answer = await fetch(url, {method: "POST", body: JSON.stringify(request)}).catch(() => { throw Error("The server is gone. Start it again with creps view, and open the address that it prints."); });
    const reply = JSON.parse(answer.headers.get("X-Creps") || "{}");
    if (reply.error || !answer.ok) throw Error(reply.error || `The server says ${answer.status}.`);
    return {...reply, image: await answer.blob()};
};

export function byWidget(model, patience = 8000) {
    const open = new Map(), me = Math.random().toString(36).slice(2);  // one widget may be shown in several places
    let count = 0;
    model.on("msg:custom", (m, buffers) => {
        const {resolve, reject, timer} = open.get(m.id) || {};
        if (!resolve) return;
        open.delete(m.id);
        clearTimeout(timer);
        m.error ? reject(Error(m.error)) : resolve({...m, image: new Blob(buffers, {type: "image/png"})});
    });
    return request => new Promise((resolve, reject) => {
        const gone = () => { open.delete(id); clearTimeout(timer); reject(Error("No answer from Python: the kernel is busy, or gone. If it is gone, run the cell again.")); };
        const id = `${me}-${++count}`, timer = setTimeout(gone, patience);
        open.set(id, {resolve, reject, timer});
        try { model.send({id, ...request}); } catch { gone(); }
    });
}

export default {
    render({model, el}) {
        const viewer = mount(el, byWidget(model), {state: model.get("state"), height: `${model.get("height")}px`, changed: s => { model.set("state", s); model.save_changes(); }});
        model.on("change:state", () => { if (JSON.stringify(model.get("state")) !== JSON.stringify(viewer.state)) viewer.set(model.get("state")); });
        return () => viewer.stop();
    },
};
