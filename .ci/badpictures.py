"""Does any file end a run, hang it, or eat the memory?  `python .ci/badpictures.py [SEED]`
Pictures of many encodings, cut and altered at random; files that may not be read; large pictures, one encoding at a time; then a run on all of it."""
import io, json, os, random, re, signal, sys, tempfile, time, zipfile
from pathlib import Path

root = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root))
import numpy as np, torch
from PIL import Image, ImageCms
from creps.data import ImageFolder, Sampler, batches, decode, open_data
from creps.core import trim_memory

torch.set_num_threads(1)
Image.init()
dice = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
MB = 2**20

def peak(): return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) * 1024

def child(f, *args, seconds=1200):
    "What `f` returns in a process of its own, what it wrote on stderr, and by how many bytes its memory rose at most."
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        trim_memory()  # what this process has free, the child would use unseen
        pid = os.fork()
        if not pid:
            status = 1
            try:
                os.dup2(err.fileno(), 2)
                signal.alarm(seconds)
                before = peak()
                value = f(*args)
                out.write(json.dumps([value, peak() - before]))
                out.flush()
                status = 0
            except BaseException:
                import traceback
                traceback.print_exc()
            finally: os._exit(status)
        status = os.waitpid(pid, 0)[1]
        out.seek(0), err.seek(0)
        said = err.read()
        if status: sys.exit(f"{f.__name__}: " + (f"killed by signal {status & 127}" if status & 127 else "failed") + f"\n{said}")
        if "Traceback" in said: sys.exit(f"{f.__name__}: a traceback\n{said}")
        value, risen = json.load(out)
        return value, said, risen

def saved(im, format, **kwargs):
    im.save(f := io.BytesIO(), format, **kwargs)
    return f.getvalue()

wave = np.hypot(*np.indices((64, 96))) / 9
photo = Image.fromarray(np.stack([127 + 120 * np.sin(wave + k) for k in range(3)], -1).astype(np.uint8))
clear = Image.merge("RGBA", (*photo.split(), photo.getchannel(0)))
srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
film = dict(save_all=True, append_images=[photo.rotate(90)])
exif = Image.Exif()
exif[0x0112] = 6
encodings = {"png": (photo, "PNG", dict(exif=exif)), "alpha.png": (clear, "PNG", {}), "palette.png": (clear.quantize(), "PNG", {}), "16.png": (Image.fromarray((wave * 5000).astype(np.uint16)), "PNG", {}),
             "film.png": (photo, "PNG", film), "jpg": (photo, "JPEG", dict(exif=exif)), "progressive.jpg": (photo, "JPEG", dict(progressive=True)), "cmyk.jpg": (photo.convert("CMYK"), "JPEG", {}),
             "webp": (clear, "WEBP", {}), "lossless.webp": (photo, "WEBP", dict(lossless=True)), "tiff": (photo, "TIFF", {}), "lzw.tiff": (clear, "TIFF", dict(compression="tiff_lzw")),
             "float.tiff": (Image.fromarray(wave.astype(np.float32) / 20), "TIFF", {}), "gif": (photo, "GIF", film), "bmp": (photo, "BMP", {}), "jp2": (photo, "JPEG2000", {}),
             "profile.jpg": (photo, "JPEG", dict(icc_profile=srgb)), "profile.tiff": (clear, "TIFF", dict(icc_profile=srgb))}
if "AVIF" in Image.SAVE: encodings["avif"] = clear, "AVIF", {}
sound = {k: saved(im, format, **kwargs) for k, (im, format, kwargs) in encodings.items()}

def altered(data):
    "`data`, cut, with changed bytes, with a piece missing, or with one twice."
    data, kind, at = bytearray(data), dice.randrange(4), dice.randrange(len(data))
    head = dice.random() < .5  # where formats keep what steers their readers
    if kind == 0: return bytes(data[:at])
    if kind == 1:
        for _ in range(dice.randint(1, 8)): data[dice.randrange(min(len(data), 200) if head else len(data))] = dice.choice([0, 255, dice.randrange(256)])
        return bytes(data)
    return bytes(data[:at] + data[at + dice.randint(1, 40):] if kind == 2 else data[:at] + data[max(0, at - dice.randint(1, 40)):])

def decode_all(files):
    "How many can be read, and the longest time that one took."
    read, slowest = 0, 0
    for i, data in enumerate(files):
        start = time.monotonic()
        try:
            p = decode(data, (16, 24), ("crop", "pad")[i % 2], channels := (1, 3, 4)[i % 3])
            assert p.shape == (16, 24, channels) and p.dtype == np.uint8
            read += 1
        except AssertionError: raise
        except Exception: pass
        slowest = max(slowest, time.monotonic() - start)
    return read, slowest

def forbidden(folder):
    "As somebody who may not read everything: the pictures of a folder, and the bad ones."
    if not os.getuid():
        try: os.setgroups([]), os.setgid(65534), os.setuid(65534)
        except OSError: return None
    data = ImageFolder(folder, 16, max_bad=.9)
    return len(data), data.bad

def large(data): return decode(data, 64).shape

def read_folder(folder, workers): return len(ImageFolder(folder, 64, workers=workers, max_bad=.9))

def run(folder, rank):
    "Two epochs that read every picture anew from the disk, as a training would."
    os.environ["RANK"] = str(rank)
    data = open_data(folder, (24, 16), mirror=True, max_bad=.99, cache=0)
    stream = batches(data, Sampler(len(data), 32))
    for _ in range(2 * len(data) // 32 + 1):
        images, _ = next(stream)
        assert images.shape == (32, 3, 24, 16) and images.isfinite().all()
    stream.close()
    return len(data), data.bad

with tempfile.TemporaryDirectory() as top:
    top = Path(top)
    os.chmod(top, 0o755)

    files = {f"{k} {i}.{k}": altered(data) for k, data in sound.items() for i in range(60)}
    (read, slowest), _, risen = child(decode_all, list(files.values()))
    if slowest > 20: sys.exit(f"a damaged picture took {slowest:.0f} s")
    if risen > 3 * 512 * MB: sys.exit(f"a damaged picture took {risen // MB} MB")
    print(f"{len(files)} altered pictures: {read} still readable, at most {slowest:.1f} s and {risen // MB} MB")

    (folder := top / "forbidden").mkdir()
    for name in ("mine.png", "hers.png", "inner/hers.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(sound["png"])
    os.chmod(folder / "hers.png", 0), os.chmod(folder / "inner", 0)
    found, said, _ = child(forbidden, folder)
    if found is None: print("unreadable files: not tested, the superuser reads everything and can't become anybody else here")
    elif found != [1, {"hers.png": "Permission denied"}] or said.count("Permission denied") != 2: sys.exit(f"unreadable files: {found}\n{said}")
    else: print("unreadable file and folder: named and left out")
    os.chmod(folder / "inner", 0o755)

    side, sizes = 6000, {}
    for mode, format, kwargs in [("RGBA", "PNG", dict(compress_level=1)), ("P", "PNG", dict(compress_level=1)), ("RGB", "TIFF", dict(compression="tiff_adobe_deflate")), ("I;16", "PNG", dict(compress_level=1)),
                                 ("RGB", "JPEG", {}), ("RGB", "WEBP", dict(lossless=True, method=0)), ("RGB", "JPEG2000", {})]:
        blob = saved(Image.new(mode, (side, side)), format, **kwargs)
        _, _, risen = child(large, blob)
        sizes[f"{mode} {format}"] = round(risen / side**2, 1)
    if max(sizes.values()) > 20: sys.exit(f"too many bytes a pixel: {sizes}")
    print("bytes of memory a pixel of large pictures:", ", ".join(f"{k} {v}" for k, v in sizes.items()))

    (folder := top / "large").mkdir()
    for i in range(6): (folder / f"{i}.png").write_bytes(saved(Image.new("RGBA", (side, side)), "PNG", compress_level=1))
    rises = [child(read_folder, folder, workers)[2] for workers in (1, 6)]
    if rises[1] > 1.5 * rises[0]: sys.exit(f"six threads take {rises[1] // MB} MB, one {rises[0] // MB}")
    print(f"six pictures of {side**2 / 1e6:.0f} million pixels: {rises[0] // MB} MB with one thread, {rises[1] // MB} MB with six")

    bomb = top / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as z:
        z.writestr("sound.png", sound["png"])
        z.writestr("bomb.png", sound["png"] + bytes(200 * MB))
    raw = bytearray(bomb.read_bytes())
    entry = raw.rindex(b"bomb.png") - 46
    raw[entry + 24:entry + 28] = (5000).to_bytes(4, "little")  # says that it unpacks to 5000 bytes
    bomb.write_bytes(raw)
    found, said, risen = child(read_folder, bomb, 1)
    if found != 1 or risen > 50 * MB: sys.exit(f"zip bomb: {found} read, {risen // MB} MB\n{said}")
    print(f"zip entry that lies about its length: left out, {risen / MB:.0f} MB")

    (folder := top / "run").mkdir()
    for name, data in files.items(): (folder / name).write_bytes(data)
    os.mkfifo(folder / "pipe.png"), (folder / "endless.jpg").symlink_to("/dev/zero"), (folder / "loop.gif").symlink_to("loop.gif")
    (n, bad), said, risen = child(run, folder, 0)
    named = [re.fullmatch(r"bad picture, skipped: (.*?) \(.*\)", line) for line in said.splitlines()]
    named = [m[1] for m in named if m]
    if sorted(named) != sorted(bad) or n != 2 * (len(files) + 3 - len(bad)): sys.exit(f"{len(bad)} bad pictures, {len(named)} named\n{said}")
    if "bad picture" in child(run, folder, 1)[1]: sys.exit("the second of several processes names bad pictures again")
    print(f"two epochs: {n // 2} pictures read, {len(bad)} left out and named once, {risen // MB} MB at most")
