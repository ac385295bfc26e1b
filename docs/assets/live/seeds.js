// The numbers that creps.core.rng(seed) gives torch.randn on a CPU, so that a seed is the same picture here and in Python:
// a SeedSequence turns the seed into a state, the Mersenne twister into bits, Box and Muller into normal numbers, sixteen at a time.
const times = Math.imul, spread = x => (x ^ x >>> 16) >>> 0;

function state(seed) {
    let a = 0x43b0d7e5, b = 0x8b51f9dd;
    const hash = x => { x ^= a; a = times(a, 0x931e8875); return spread(times(x, a)); };
    const mix = (x, y) => spread(times(x, 0xca01f9dd) - times(y, 0x4973f715));
    const pool = [seed, 0, 0, 0].map(hash);
    for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) if (i !== j) pool[j] = mix(pool[j], hash(pool[i]));
    const [low, high] = pool.map(x => { x ^= b; b = times(b, 0x58f38ded); return spread(times(x, b)); });
    return low >>> 1 | high << 31;
}

function* bits(seed) {
    const s = new Uint32Array(624);
    s[0] = seed;
    for (let i = 1; i < 624; i++) s[i] = times(1812433253, s[i - 1] ^ s[i - 1] >>> 30) + i;
    for (;;) {
        for (let i = 0; i < 624; i++) {
            const y = s[i] & 0x80000000 | s[(i + 1) % 624] & 0x7fffffff;
            s[i] = s[(i + 397) % 624] ^ y >>> 1 ^ (y & 1 ? 0x9908b0df : 0);
        }
        for (let y of s) {
            y ^= y >>> 11;
            y ^= y << 7 & 0x9d2c5680;
            y ^= y << 15 & 0xefc60000;
            yield (y ^ y >>> 18) >>> 0;
        }
    }
}

export function normal(seed, n) {  // n: at least 16
    const source = bits(state(seed)), uniform = () => (source.next().value & 0xffffff) / 2 ** 24, x = Float32Array.from({length: n}, uniform);
    const sixteen = at => {
        for (let i = at; i < at + 8; i++) {
            const far = Math.sqrt(-2 * Math.log(1 - x[i])), angle = 2 * Math.PI * x[i + 8];
            x[i] = far * Math.cos(angle);
            x[i + 8] = far * Math.sin(angle);
        }
    };
    for (let i = 0; i + 16 <= n; i += 16) sixteen(i);
    if (n % 16) { for (let i = n - 16; i < n; i++) x[i] = uniform(); sixteen(n - 16); }
    return x;
}

export function latent(seed, n) {  // of a seed, whole or between two
    const whole = Math.floor(seed), turned = (seed - whole) * Math.PI / 2, first = normal(whole, n);
    if (!turned) return first;
    const second = normal(whole + 1, n);
    return first.map((x, i) => Math.cos(turned) * x + Math.sin(turned) * second[i]);
}
