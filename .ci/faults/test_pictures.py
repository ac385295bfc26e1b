"""Pictures of every kind, each against numbers that are written here; files that are none; folders, labels, and disks that fail."""
import contextlib, io, json, os, shutil, socket, struct, sys, tempfile, warnings, zipfile, zlib
from pathlib import Path
import numpy as np, pytest
from PIL import Image, ImageCms, features
from conftest import TINY, write_pictures
from creps import decode as reading, folders
from creps.data import BadData, ImageFolder, Pictures, Sampler, batches, decode, open_data

N = 8  # side of the pictures that are of one colour

def chunk(kind, content): return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

def png(depth, kind, row, *extra, size=(N, N)):
    "A PNG whose rows are all alike; `extra` chunks come before the pixels."
    head = struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0)
    parts = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress((b"\0" + row) * size[1])), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*p) for p in parts)

def shorts(*values): return struct.pack(f">{len(values)}H", *values)

def tiff(row, bits, photometric, order="<", **tags):
    "An uncompressed TIFF whose rows are all alike; `tags` are called t339 and so on: whole numbers, floats, tuples, bytes."
    bits = (bits,) if isinstance(bits, int) else bits
    fields = {256: N, 257: N, 258: bits, 259: 1, 262: photometric, 277: len(bits), 278: N, 279: N * len(row)}
    fields |= {int(k[1:]): v for k, v in tags.items()} | {273: 0}
    def packed(value):
        if isinstance(value, bytes): return 7, len(value), value
        if isinstance(value, float): return 11, 1, struct.pack(order + "f", value)
        value = value if isinstance(value, tuple) else (value,)
        if max(value) > 65535: return 4, len(value), struct.pack(f"{order}{len(value)}I", *value)
        return 3, len(value), struct.pack(f"{order}{len(value)}H", *value)
    start, table, more = 8 + 2 + 12 * len(fields) + 4, b"", b""
    fields[273] = start + sum(len(p) + len(p) % 2 for _, _, p in map(packed, fields.values()) if len(p) > 4)
    for number in sorted(fields):
        kind, count, content = packed(fields[number])
        where = content.ljust(4, b"\0") if len(content) <= 4 else struct.pack(order + "I", start + len(more))
        if len(content) > 4: more += content + bytes(len(content) % 2)
        table += struct.pack(order + "HHI", number, kind, count) + where
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "IH", 8, len(fields)) + table + bytes(4) + more + row * N

def saved(picture, format, **options):
    picture.save(f := io.BytesIO(), format, **options)
    return f.getvalue()

def plain(mode, colour): return Image.new(mode, (N, N), colour)

def of_one_colour(values, dtype, order="<"): return np.array(values, np.dtype(dtype).newbyteorder(order)).tobytes() * N

def on_white(r, g, b, a): return [int(255 + (c - 255) * a / 255 + .5) for c in (r, g, b)]

NOTHING = [255, 255, 255, 0]
COLORMAP = tuple(257 * v for v in [0, 200] + [0] * 254 + [0, 100] + [0] * 254 + [0, 50] + [0] * 254)
OLD_COLORMAP = tuple(v // 257 for v in COLORMAP)
RGBA = {  # file, and what the middle pixel is in RGBA
    "PNG, 1 bit": (png(1, 0, b"\xff"), [255, 255, 255, 255]),
    "PNG, 1 bit, black is nothing": (png(1, 0, b"\0", (b"tRNS", shorts(0))), NOTHING),
    "PNG, 1 bit, white is nothing": (png(1, 0, b"\xff", (b"tRNS", shorts(1))), NOTHING),
    "PNG, 1 bit, the other is nothing": (png(1, 0, b"\0", (b"tRNS", shorts(1))), [0, 0, 0, 255]),
    "PNG, 2 bits": (png(2, 0, b"\x55" * 2), [85, 85, 85, 255]),
    "PNG, 2 bits, this grey is nothing": (png(2, 0, b"\x55" * 2, (b"tRNS", shorts(1))), NOTHING),
    "PNG, 2 bits, another grey is nothing": (png(2, 0, b"\x55" * 2, (b"tRNS", shorts(2))), [85, 85, 85, 255]),
    "PNG, 4 bits, this grey is nothing": (png(4, 0, b"\x77" * 4, (b"tRNS", shorts(7))), NOTHING),
    "PNG, 4 bits, grey 119 is not 7": (png(4, 0, b"\x77" * 4, (b"tRNS", shorts(15))), [119, 119, 119, 255]),
    "PNG, 8 bits, this grey is nothing": (png(8, 0, b"\x4d" * N, (b"tRNS", shorts(77))), NOTHING),
    "PNG, 16 bits": (png(16, 0, shorts(32896) * N), [128, 128, 128, 255]),
    "PNG, 16 bits, this grey is nothing": (png(16, 0, shorts(700) * N, (b"tRNS", shorts(700))), NOTHING),
    "PNG, 16 bits, a near grey is nothing": (png(16, 0, shorts(700) * N, (b"tRNS", shorts(701))), [3, 3, 3, 255]),
    "PNG, RGB, this colour is nothing": (png(8, 2, bytes([9, 8, 7]) * N, (b"tRNS", shorts(9, 8, 7))), NOTHING),
    "PNG, RGB, another colour is nothing": (png(8, 2, bytes([9, 8, 7]) * N, (b"tRNS", shorts(9, 8, 6))), [9, 8, 7, 255]),
    "PNG, RGB of 16 bits": (png(16, 2, shorts(257 * 9, 257 * 80, 65535) * N), [9, 80, 255, 255]),
    "PNG, RGB of 16 bits, this colour is nothing": (png(16, 2, shorts(2570, 300, 9) * N, (b"tRNS", shorts(2570, 300, 9))), NOTHING),
    "PNG, RGB of 16 bits, a near colour is nothing": (png(16, 2, shorts(2570, 257, 0) * N, (b"tRNS", shorts(2570, 258, 0))), [10, 1, 0, 255]),
    "PNG, LA": (png(8, 4, bytes([90, 51]) * N), [90, 90, 90, 51]),
    "PNG, LA of 16 bits": (png(16, 4, shorts(257 * 90, 257 * 51) * N), [90, 90, 90, 51]),
    "PNG, RGBA": (png(8, 6, bytes([200, 100, 50, 51]) * N), [200, 100, 50, 51]),
    "PNG, RGBA of 16 bits": (png(16, 6, shorts(*(257 * v for v in (200, 100, 50, 51))) * N), [200, 100, 50, 51]),
    **{f"PNG, palette of {b} bits with alpha": (png(b, 3, (b"\xff" if b == 1 else b"\x55" if b == 2 else b"\x11" if b == 4 else b"\1") * b,
       (b"PLTE", bytes([0, 0, 0, 200, 100, 50])), (b"tRNS", bytes([255, 51]))), [200, 100, 50, 51]) for b in (1, 2, 4, 8)},
    "TIFF, 1 bit": (tiff(b"\0", 1, 1), [0, 0, 0, 255]), "TIFF, 1 bit, white is 0": (tiff(b"\0", 1, 0), [255, 255, 255, 255]),
    "TIFF, 4 bits, white is 0": (tiff(b"\x33" * 4, 4, 0), [204, 204, 204, 255]),
    "TIFF, 8 bits": (tiff(b"\x33" * N, 8, 1), [51, 51, 51, 255]), "TIFF, 8 bits, white is 0": (tiff(b"\x33" * N, 8, 0), [204, 204, 204, 255]),
    "TIFF, 12 bits": (tiff(b"\x80\x08\x00" * (N // 2), 12, 1), [128, 128, 128, 255]),
    "TIFF, 16 bits": (tiff(of_one_colour(257 * 90, "u2"), 16, 1), [90, 90, 90, 255]),
    "TIFF, 16 bits of a Mac": (tiff(of_one_colour(257 * 90, "u2", ">"), 16, 1, ">"), [90, 90, 90, 255]),
    "TIFF, 16 bits, white is 0": (tiff(of_one_colour(257 * 90, "u2"), 16, 0), [165, 165, 165, 255]),
    "TIFF, 12 bits in 16": (tiff(of_one_colour(2056, "u2"), 16, 1, t281=4095), [128, 128, 128, 255]),
    "TIFF, 16 bits, the largest number that occurs": (tiff(of_one_colour(257 * 90, "u2"), 16, 1, t281=257 * 90), [90, 90, 90, 255]),
    "TIFF, 32 bits": (tiff(of_one_colour(3_000_000_000, "u4"), 32, 1), [178, 178, 178, 255]),
    "TIFF, float": (tiff(of_one_colour(.2, "f4"), 32, 1, t339=3), [51, 51, 51, 255]),
    "TIFF, float, white is 0": (tiff(of_one_colour(.2, "f4"), 32, 0, t339=3), [204, 204, 204, 255]),
    "TIFF, float to 255": (tiff(of_one_colour(100, "f4"), 32, 1, t339=3, t341=255.), [100, 100, 100, 255]),
    "TIFF, grey with alpha": (tiff(bytes([90, 51]) * N, (8, 8), 1, t338=2), [90, 90, 90, 51]),
    "TIFF, grey times alpha": (tiff(bytes([18, 51]) * N, (8, 8), 1, t338=1), [90, 90, 90, 51]),
    "TIFF, grey and something": (tiff(bytes([90, 51]) * N, (8, 8), 1, t338=0), [90, 90, 90, 255]),
    "TIFF, RGB times alpha": (tiff(bytes([40, 20, 10, 51]) * N, (8,) * 4, 2, t338=1), [200, 100, 50, 51]),
    "TIFF, RGB of 16 bits": (tiff(of_one_colour([257 * 200, 257 * 100, 257 * 50], "u2"), (16,) * 3, 2), [200, 100, 50, 255]),
    "TIFF, CMYK": (tiff(bytes([55, 155, 205, 0]) * N, (8,) * 4, 5), [200, 100, 50, 255]),
    "TIFF, CMYK of 16 bits": (tiff(of_one_colour([257 * 55, 257 * 155, 257 * 205, 0], "u2"), (16,) * 4, 5), [200, 100, 50, 255]),
    "TIFF, palette": (tiff(b"\1" * N, 8, 3, t320=COLORMAP), [200, 100, 50, 255]),
    "TIFF, palette of an old program": (tiff(b"\1" * N, 8, 3, t320=OLD_COLORMAP), [200, 100, 50, 255]),
    "TIFF, palette with alpha": (tiff(bytes([1, 51]) * N, (8, 8), 3, t320=COLORMAP, t338=2), [200, 100, 50, 51]),
    "TIFF, YCbCr": (tiff(bytes([90, 128, 128]) * N, (8,) * 3, 6, t530=(1, 1)), [90, 90, 90, 255]),
    "JPEG, CMYK": (saved(plain("CMYK", (0, 0, 0, 155)), "JPEG", quality=100), [100, 100, 100, 255]),
    "JPEG 2000, 16 bits": (saved(Image.fromarray(np.full((N, N), 257 * 90, np.uint16)), "JPEG2000"), [90, 90, 90, 255]),
    "JPEG 2000, RGBA": (saved(plain("RGBA", (200, 100, 50, 51)), "JPEG2000"), [200, 100, 50, 51]),
    "JPEG 2000, grey with alpha": (saved(plain("LA", (90, 51)), "JPEG2000"), [90, 90, 90, 51]),
    "WebP, RGBA": (saved(plain("RGBA", (200, 100, 50, 51)), "WEBP", lossless=True, exact=True), [200, 100, 50, 51]),
    "GIF, a transparent entry": (saved(plain("P", 3), "GIF", transparency=3), NOTHING),
    "PGM, 10 bits": (b"P5 8 8 1023 " + of_one_colour(512, "u2", ">") * N, [128, 128, 128, 255]),
    "PPM, 16 bits": (b"P6 8 8 65535 " + of_one_colour([257 * 200, 257 * 100, 257 * 50], "u2", ">") * N, [200, 100, 50, 255]),
    "BMP, 1 bit": (saved(plain("1", 1), "BMP"), [255, 255, 255, 255]),
}

@pytest.mark.parametrize("kind", RGBA)
def test_the_colour_that_a_viewer_shows(kind):
    content, want = RGBA[kind]
    rgb = on_white(*want)
    grey = [round(np.dot(rgb, [.299, .587, .114]))]
    for channels, pixel in ((4, want), (3, rgb), (1, grey)):  # rounded premultiplied colours differ by one or two levels
        got = decode(content, N, channels=channels)[4, 4].tolist()
        assert np.abs(np.subtract(got, pixel)).max() <= (2 if "times alpha" in kind else 1 if channels == 1 or want[3] < 255 else 0), channels

def test_interlaced_png_with_a_transparent_colour_of_16_bits():
    head = struct.pack(">IIBBBBB", N, N, 16, 2, 0, 0, 1)
    passes = [(1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)]  # pixels and rows of Adam7's seven, for 8 x 8
    rows = b"".join((b"\0" + shorts(2570, 257, 0) * width) * height for width, height in passes)
    for key, want in (((2570, 257, 0), NOTHING), ((2570, 258, 0), [10, 1, 0, 255])):
        parts = [(b"IHDR", head), (b"tRNS", shorts(*key)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
        picture = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*p) for p in parts)
        assert (decode(picture, N, channels=4) == want).all()

MODES = {
    "LA": (plain("LA", (90, 51)), [90, 90, 90, 51]), "La": (plain("LA", (90, 51)).convert("La"), [90, 90, 90, 51]),
    "RGBa": (plain("RGBA", (200, 100, 50, 51)).convert("RGBa"), [200, 100, 50, 51]),
    "I;16": (Image.frombytes("I;16", (N, N), of_one_colour(257 * 90, "u2") * N), [90, 90, 90, 255]),
    "I;16B": (Image.frombytes("I;16B", (N, N), of_one_colour(257 * 90, "u2", ">") * N), [90, 90, 90, 255]),
    "I": (plain("I", 257 * 90), [90, 90, 90, 255]), "F": (plain("F", .2), [51, 51, 51, 255]), "1": (plain("1", 1), [255] * 4),
    "P of RGBA": (plain("RGBA", (200, 100, 50, 51)).quantize(), [200, 100, 50, 51]),
    "PA": (plain("RGB", (200, 100, 50)).quantize().convert("PA"), [200, 100, 50, 255]),
    "CMYK": (plain("CMYK", (55, 155, 205, 0)), [200, 100, 50, 255]), "YCbCr": (plain("YCbCr", (90, 128, 128)), [90, 90, 90, 255]),
}

@pytest.mark.parametrize("mode", MODES)
def test_modes_of_pillow(mode):
    picture, want = MODES[mode]
    got = reading.to_channels(reading._fit(picture, (4, 4), "crop"), 4)[2, 2]
    assert np.abs(got.astype(int) - want).max() <= (2 if want[3] < 255 else 0)

def test_the_first_of_several_pictures():
    first, second = plain("RGB", (250, 0, 0)), plain("RGB", (0, 0, 250))
    for format in ("GIF", "WEBP", "PNG", "TIFF", "MPO"):
        film = saved(first, format, save_all=True, append_images=[second], **dict(lossless=True) if format == "WEBP" else {})
        assert np.abs(decode(film, N)[4, 4].astype(int) - [250, 0, 0]).max() <= 4, format

REFUSED = {
    "float beyond 1": (tiff(of_one_colour(100, "f4"), 32, 1, t339=3), "nothing says which is white"),
    "NaN": (tiff(of_one_colour(np.nan, "f4"), 32, 1, t339=3), "not finite"),
    "float RGB": (tiff(of_one_colour([.5] * 3, "f4"), (32,) * 3, 2, t339=(3, 3, 3)), r"unsupported kind of TIFF \(32 \+ 32 \+ 32 bits, floating point"),
    "signed bytes": (tiff(b"\1" * N, 8, 1, t339=2), "unsupported kind of TIFF .*signed"),
    "signed": (tiff(of_one_colour(9, "i4"), 32, 1, t339=2), "unsupported kind of TIFF .*signed"),
    "unknown compression": (tiff(b"\1" * N, 8, 1, t259=34887), "unsupported kind of TIFF .*compression 34887"),
    "32 bits a channel": (tiff(of_one_colour([9] * 3, "u4"), (32,) * 3, 2), "unsupported kind of TIFF"),
    "JPEG of 12 bits": (saved(plain("RGB", "red"), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"), "unsupported kind of JPEG .*12-bit"),
    "HEIC": (struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(200), "HEIC.*pillow-heif"),
    "HEIC by another brand": (struct.pack(">I", 24) + b"ftypmif1\0\0\0\0mif1heic" + bytes(200), "HEIC.*pillow-heif"),
    "JPEG XL": (b"\xff\x0a" + bytes(99), "unsupported kind of picture: JPEG XL"), "PSD": (b"8BPS\0\1" + bytes(99), "unsupported kind of picture: PSD"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage", "unsupported kind of picture: EPS"),
    "OpenEXR": (b"\x76\x2f\x31\x01" + bytes(99), "unsupported kind of picture: OpenEXR"), "SVG": (b"<?xml version='1.0'?><svg/>", "unsupported kind of picture: SVG"),
    "JPEG-LS": (b"\xff\xd8\xff\xf7" + bytes(99), "unsupported kind of picture: JPEG-LS"), "TGA": (saved(plain("RGB", "red"), "TGA"), "unsupported kind of picture: TGA"),
    "film": (struct.pack(">I", 24) + b"ftypisom\0\0\0\0isommp42" + bytes(99), "unsupported kind of picture: a container of isom"),
    "text": (b"I am a picture, believe me.", "not a picture"), "nothing": (b"", "zero bytes"), "two bytes": (b"x\n", "^not a picture$"),
    "half a TIFF": (tiff(b"\1" * N, 8, 1)[:60], "damaged TIFF"), "PNG without a palette": (png(8, 3, b"\1" * N), "damaged PNG"),
}

@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_called_by_its_name(kind, monkeypatch):
    content, why = REFUSED[kind]
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if it weren't installed
    with pytest.raises(Exception, match=why): decode(content, N)

def test_heic_where_its_reader_is_installed():
    heif = pytest.importorskip("pillow_heif")
    f = io.BytesIO()
    heif.from_pillow(Image.new("RGB", (64, 64), (200, 100, 50))).save(f, quality=100)
    assert np.abs(decode(f.getvalue(), N)[4, 4].astype(int) - [200, 100, 50]).max() <= 4

@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif():
    assert np.abs(decode(saved(Image.new("RGB", (64, 64), (200, 100, 50)), "AVIF"), N)[4, 4].astype(int) - [200, 100, 50]).max() <= 5

# Profiles

def fixed(*values): return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

def profile(space, tags, pcs=b"XYZ "):
    "An ICC profile of version 2."
    tags = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", 2) + b"a\0" + bytes(78), b"cprt": b"text\0\0\0\0-\0",
            b"wtpt": b"XYZ \0\0\0\0" + fixed(.9642, 1, .8249)} | tags
    table, body, at = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    head = struct.pack(">I", at + len(body)) + b"lcms" + struct.pack(">I", 0x02100000) + (b"prtr" if space == b"CMYK" else b"mntr") + space + pcs
    return (head + bytes(12) + b"acsp" + bytes(28) + fixed(.9642, 1, .8249)).ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body

def gamma(g): return b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(256 * g), 0)

COLUMNS = np.array([(.5151, .2412, -.0011), (.2919, .6922, .0419), (.1572, .0666, .7841)])
WIDE = profile(b"RGB ", {k: b"XYZ \0\0\0\0" + fixed(*v) for k, v in zip((b"rXYZ", b"gXYZ", b"bXYZ"), COLUMNS)}
               | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma(2.2)))
GREY = profile(b"GRAY", {b"kTRC": gamma(1.8)})
# a press of one ink: lightness falls with black alone, whatever the others do
INKS = profile(b"CMYK", {b"A2B0": b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + bytes(range(256)) * 4
               + b"".join(bytes([0 if k % 2 else 255, 128, 128]) for k in range(16)) + bytes(range(256)) * 3}, b"Lab ")

def to_srgb(linear):
    "Bytes of linear light."
    v = np.clip(linear, 0, 1)
    return np.where(v <= .0031308, 12.92 * v, 1.055 * v**(1 / 2.4) - .055) * 255

def wide_to_srgb(rgb):
    "By the formula: gamma, the profile's primaries, those of sRGB (adapted to D50)."
    srgb = np.array([(.4360747, .2225045, .0139322), (.3850649, .7168786, .0971045), (.1430804, .0606169, .7141733)])
    return to_srgb((np.array(rgb) / 255)**2.2 @ COLUMNS @ np.linalg.inv(srgb))

def near(content, want, tolerance=1.5, **options):
    got = decode(content, N, **options)[4, 4]
    assert np.abs(got - np.asarray(want, float)).max() <= tolerance, (got, want)

@pytest.mark.parametrize("colour", [(60, 180, 90), (200, 100, 50), (128, 128, 128), (10, 10, 200)])
def test_a_wide_gamut_becomes_srgb(colour):
    want = wide_to_srgb(colour)
    for format, options in (("PNG", {}), ("TIFF", {}), ("WEBP", dict(lossless=True)), ("JPEG", dict(quality=100, subsampling=0))):
        content = saved(plain("RGB", colour), format, icc_profile=WIDE, **options)
        near(content, want, 4 if format == "JPEG" else 1.5)
        near(content, colour, 2 if format == "JPEG" else 0, icc=False)

def test_profiles_go_with_transparency_palettes_depth_and_orientation():
    want, colour = wide_to_srgb((60, 180, 90)), (60, 180, 90)
    near(saved(plain("RGBA", (*colour, 102)), "PNG", icc_profile=WIDE), [*want, 102], 3, channels=4)
    near(saved(plain("RGB", colour).quantize(), "PNG", icc_profile=WIDE), want)
    near(saved(plain("RGB", colour).quantize(), "PNG", icc_profile=WIDE, transparency=bytes([102] * 256)), [*want, 102], 3, channels=4)
    near(png(16, 2, shorts(*(257 * v for v in colour)) * N, (b"iCCP", b"a\0\0" + zlib.compress(WIDE))), want)
    exif = Image.Exif()
    exif[0x0112] = 6
    left = Image.new("RGB", (2 * N, N), colour)
    left.paste((0, 0, 0), (N, 0, 2 * N, N))
    turned = decode(saved(left, "PNG", icc_profile=WIDE, exif=exif), (2 * N, N))
    assert np.abs(turned[2, 4] - want).max() <= 1.5 and turned[-2, 4].max() <= 1

def test_grey_profiles():
    want = to_srgb((np.full(3, 90) / 255)**1.8)
    near(saved(plain("L", 90), "PNG", icc_profile=GREY), want)
    near(saved(plain("LA", (90, 102)), "PNG", icc_profile=GREY), [*want, 102], 3, channels=4)
    near(png(16, 0, shorts(257 * 90) * N, (b"iCCP", b"a\0\0" + zlib.compress(GREY))), want)
    near(tiff(of_one_colour(257 * 165, "u2"), 16, 0, t34675=GREY), want)
    near(saved(plain("L", 90), "JPEG", icc_profile=GREY), want, 3)

def test_profiles_of_a_press():
    lightness = 1 - 102 / 255  # of 1, by black alone
    linear = ((100 * lightness + 16) / 116)**3
    for format in ("TIFF", "JPEG"):
        content = saved(plain("CMYK", (90, 30, 0, 102)), format, icc_profile=INKS, **dict(quality=100) if format == "JPEG" else {})
        near(content, to_srgb(np.full(3, linear)), 4)

def test_a_profile_in_jpeg_2000():
    blob = saved(plain("RGB", (60, 180, 90)), "JPEG2000")
    at = blob.index(b"colr") - 4
    box = struct.pack(">I", 11 + len(WIDE)) + b"colr" + bytes([2, 0, 0]) + WIDE
    head = blob.index(b"jp2h") - 4
    length = int.from_bytes(blob[head:head + 4], "big") - 15 + len(box)
    near(blob[:head] + struct.pack(">I", length) + blob[head + 4:at] + box + blob[at + 15:], wide_to_srgb((60, 180, 90)))

@pytest.mark.parametrize("mode, broken, why", [("RGB", b"\0junk" * 50, "damaged"), ("RGB", WIDE[:200], "damaged"), ("L", WIDE, "RGB"), ("RGB", GREY, "GRAY")])
def test_profiles_that_make_no_sense_are_ignored_with_a_word(here, capsys, mode, broken, why):
    content = saved(plain(mode, 90 if mode == "L" else (60, 180, 90)), "PNG", icc_profile=broken)
    with pytest.warns(UserWarning, match=f"colour profile ignored: .*{why}"): pixel = decode(content, N)[4, 4].tolist()
    assert pixel == ([90] * 3 if mode == "L" else [60, 180, 90])
    for name in "abc": Path("d", f"{name}.png").write_bytes(content)
    open_data("d", N)
    said = [line for line in capsys.readouterr().err.splitlines() if "profile" in line]
    assert len(said) == 1 and "a.png and 2 more" in said[0]

def test_12_bits_in_16_without_a_word_of_it(here, capsys):
    content = tiff(of_one_colour(4000, "u2"), 16, 1)
    with pytest.warns(UserWarning, match="dark: no number above 4000"): assert decode(content, N)[4, 4, 0] == 16  # as viewers do
    for name in "abc": Path("d", f"{name}.tif").write_bytes(content)
    open_data("d", N)
    assert [line for line in capsys.readouterr().err.splitlines() if "a.tif and 2 more (dark" in line]

def test_srgb_under_its_own_name_changes_nothing():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    near(saved(plain("RGB", (60, 180, 90)), "PNG", icc_profile=srgb), (60, 180, 90), 0)

def test_no_icc_from_python_and_the_shell(here, creps):
    (here / "wide").mkdir()
    for i in range(32): (here / "wide" / f"{i}.png").write_bytes(saved(plain("RGB", (60, 180, 90)), "PNG", icc_profile=WIDE))
    assert np.abs(open_data("wide", N).batch([0])[0][0, 4, 4] - wide_to_srgb((60, 180, 90))).max() <= 1.5
    assert open_data("wide", N, icc=False).batch([0])[0][0, 4, 4].tolist() == [60, 180, 90]
    def shown(): return Image.open("run/sheets/reals.png").getpixel((8, 8))
    assert creps("train", "--data", "wide", "--out", "run", *TINY, "--kimg", .01, "--no-icc").rc == 0 and shown() == (60, 180, 90)
    assert creps("evaluate", "run", "--data", "wide", "--metrics", "swd", "--samples", 32, "--no-icc", "--max-bad", .2).rc == 0
    assert creps("train", "--data", "wide", "--out", "run", "--resume", "latest", "--kimg", .02).rc == 0
    assert [json.loads(line)["settings"]["icc"] for line in open("run/log.jsonl") if "settings" in line] == [False, False]

# Folders, zips, labels

def test_run_folders_shadows_and_other_files(here, capsys):
    for folder in ("run/sheets", "@eaDir/00.png", "__MACOSX", ".thumbnails"): write_pictures(here / "d" / folder, 3)
    for name in ("config.json", "log.jsonl"): (here / "d/run" / name).write_text("{}")
    for name in ("a.txt", "b.TXT", "film.mp4", "README"): (here / "d" / name).write_text("")
    found = open_data("d", N)
    said = capsys.readouterr().err.splitlines()
    assert len(found) == 16 and said == ["run folder, left out: run (pictures of a training: 3)", "left out: 2 .txt, 1 .mp4, 1 without a suffix"]

def test_a_run_in_the_data_folder_itself(here):
    for name in ("config.json", "model.safetensors"): (here / "d" / name).write_text("{}")
    write_pictures(here / "d/sheets", 3)
    assert len(open_data("d", N)) == 16

def labels_of(table, count=4):
    write_pictures("e/a", count)
    Path("e/dataset.json").write_text(json.dumps(dict(labels=table)))
    return open_data("e", N, labels=True).labels.argmax(1).tolist()

def test_labels(here, capsys):
    names = [f"a/{i:02d}.png" for i in range(4)]
    assert labels_of([[n, i % 2] for i, n in enumerate(names)]) == [0, 1, 0, 1]
    assert labels_of([[n.replace("/", "\\"), i % 2] for i, n in enumerate(names)]) == [0, 1, 0, 1]
    assert labels_of([*[["./" + n, 1] for n in names], [names[0], 1]]) == [1] * 4
    with pytest.raises(BadData, match="lists 'a/01.png' twice, with labels 0 and 1"): labels_of([*[[n, 0] for n in names], [names[1], 1]])
    with pytest.raises(BadData, match="no label for 'a/00.png'; it has one for 'e/a/00.png'.*relative"): labels_of([["e\\" + n, 0] for n in names])
    with pytest.raises(BadData, match="no label for 'a/03.png'$"): labels_of([[n, 0] for n in names[:3]])
    capsys.readouterr()
    labels_of([[n, 0] for n in [*names, "a/gone.png", "gone too.png"]])
    assert "labels of 2 files that aren't there, such as 'a/gone.png'" in capsys.readouterr().err

def test_accents_of_a_mac(here):
    write_pictures("e", 1)
    Path("e/00.png").rename("e/u\u0308.png")
    Path("e/dataset.json").write_text(json.dumps(dict(labels=[["\u00fc.png", 2]])))
    assert open_data("e", N, labels=True).labels.tolist() == [[0, 0, 1]]

JSONS = {"nothing": b"", "half": b'{"labels": [["a.png", 0', "not text": b"\xff\xfe\xfd", "a list": b"[1, 2]", "no labels": b"{}", "a number": b'{"labels": 7}',
         "deep": b"[" * 100000, "names alone": b'{"labels": ["a.png"]}', "a list as a name": b'{"labels": [[["a.png"], 1]]}',
         "NaN": b'{"labels": [["a.png", NaN]]}', "large": b'{"labels": [["a.png", 1e12]]}', "someone else's": b'{"labels": [["b.png", 1]]}'}

@pytest.mark.parametrize("kind", JSONS)
def test_damaged_label_files(kind):
    with pytest.raises(BadData) as e: folders._labels(["a.png"], ["a.png", "dataset.json"], lambda name: JSONS[kind])
    assert str(e.value).isprintable() and len(str(e.value)) < 200

def test_a_zip_that_holds_a_zip(here):
    with zipfile.ZipFile("inner.zip", "w") as z: z.write("d/00.png")
    with zipfile.ZipFile("outer.zip", "w") as z: z.write("inner.zip")
    with pytest.raises(BadData, match="it holds the archive 'inner.zip': unpack it"): open_data("outer.zip", N)
    Path("only").mkdir()
    shutil.move("inner.zip", "only")
    with pytest.raises(BadData, match="'inner.zip': give that instead"): open_data("only", N)

def test_a_zip_with_backslashes(here):
    with zipfile.ZipFile("w.zip", "w") as z:
        for i, name in enumerate(("set\\b\\1.png", "set\\a\\2.png")): z.writestr(name, Path(f"d/{i:02d}.png").read_bytes())
    assert open_data("w.zip", N, labels=True).labels.argmax(1).tolist() == [0, 1]

# Disks that fail

def test_a_picture_that_vanishes_has_another_in_its_place(here, capsys):
    write_pictures("many", 48)
    found = open_data("many", N, cache=0, mirror=True)
    whole = found.batch(range(96))[0]
    os.rename("many/07.png", "many/gone")
    again = found.batch(range(96))[0]
    same = [i for i in range(96) if (again[i] == whole[i]).all()]
    assert sorted({*range(96)} - {*same}) == [7, 55] and (again[7] == whole[8]).all() and (again[55] == whole[56]).all()
    assert (found.batch(range(96))[0] == again).all() and len(found) == 96
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "07.png (No such file" in said[0]

def test_its_neighbour_brings_its_own_label(here):
    read, lost = (lambda i: (_ for _ in ()).throw(OSError(5, "Input/output error")) if i in lost else np.full((N, N, 3), i, np.uint8)), set()
    found = Pictures(read, [f"picture {i}" for i in range(30)], N, np.eye(30, dtype=np.float32), cache=0)
    lost.add(29)
    pictures, labels = found.batch([28, 29, 0])
    assert pictures[:, 0, 0, 0].tolist() == labels.argmax(1).tolist() == [28, 0, 0] and list(found.bad) == ["picture 29"]

def test_a_moment_of_trouble_is_no_loss():
    failures = []
    def read(i):
        if i == 3 and failures: raise failures.pop()
        return np.full((N, N, 3), i, np.uint8)
    found = Pictures(read, range(9), N, cache=0)
    failures += [OSError(5, "Input/output error"), ValueError("half a picture")]
    assert found.batch([3])[0][0, 0, 0, 0] == 3 and not found.bad and not failures

def test_a_dead_disk_is_not_waited_for(capsys):
    calls, dead = [], []
    def read(i):
        calls.append(i)
        if dead: raise OSError(5, "Input/output error")
        return np.zeros((N, N, 3), np.uint8)
    found = Pictures(read, [str(i) for i in range(100)], N, cache=0, max_bad=.5, workers=1)
    calls.clear()
    dead.append(1)
    with pytest.raises(BadData, match="51 of 100"): found.batch(range(8))
    assert len(found.bad) == 51 and len(calls) == 3 * 8 + 43  # three tries for the first ones, then one for each

@pytest.mark.parametrize("max_bad, most", [(0, 1), (.05, 2), (.2, 9)])
def test_losses_count_against_max_bad(here, max_bad, most):
    write_pictures("many", 48)
    found = open_data("many", N, cache=0, max_bad=max_bad)
    with pytest.raises(BadData, match=rf"of 48 pictures of 'many' can't be read: more than max_bad={max_bad:g} allows \(the last: "):
        for i in range(most + 1):
            os.remove(f"many/{i:02d}.png")
            found.batch([i])
    assert len(found.bad) == most + 1

def test_a_disk_that_vanishes_is_one_error(here):
    write_pictures("many", 48)
    found = open_data("many", N, cache=0)
    stream = batches(found, Sampler(len(found), 8))
    next(stream)
    shutil.rmtree("many")
    with pytest.raises(BadData, match="of 48 pictures of 'many' can't be read"):
        for _ in range(9): next(stream)

def tiny_run(found, out, **more):
    from creps.train import fit
    tiny = dict(channel_base=256, channel_max=16, d_channel_base=256, d_channel_max=16, biline_channels=4, z_dim=16, w_dim=16)
    return fit(found, out, resolution=16, batch=8, device="cpu", progress=False, **tiny, **more)

def test_training_goes_on_without_one_picture(here):
    write_pictures("many", 48)
    found = open_data("many", 16, cache=0)
    os.remove("many/07.png")
    with contextlib.redirect_stderr(io.StringIO()) as said: tiny_run(found, "run", kimg=.1)
    assert Path("run/model.safetensors").exists() and said.getvalue().count("another one takes its place: 07.png") == 1

def test_a_disk_that_vanishes_leaves_a_run_that_goes_on(here):
    write_pictures("many", 48)
    found, read = open_data("many", 16, cache=0), []
    inner, found.read = found.read, lambda i: (read.append(i), len(read) == 100 and os.rename("many", "elsewhere"), inner(i))[2]
    with pytest.raises(BadData, match="of 48 pictures of 'many' can't be read"): tiny_run(found, "run", kimg=1)
    os.rename("elsewhere", "many")
    assert list(Path("run/checkpoints").iterdir())
    tiny_run(open_data("many", 16), "run", kimg=.12, resume="latest")

def test_reading_again_changes_nothing(here):
    "Read from the disk at every step, stopped and resumed: the weights of a run that kept all in memory."
    whole = tiny_run(open_data("d", 16), "whole", kimg=.096).state_dict()
    tiny_run(open_data("d", 16, cache=0), "parts", kimg=.048)
    parts = tiny_run(open_data("d", 16, cache="2KB"), "parts", kimg=.096, resume="latest").state_dict()
    assert all((whole[k] == parts[k]).all() for k in whole)

# Damaged files: each is read, or left out and named once

photo = Image.fromarray(np.stack([127 + 120 * np.sin(np.hypot(*np.indices((200, 300))) / 9 + k) for k in range(3)], -1).astype(np.uint8))
PLAIN = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tiff": "TIFF", "bmp": "BMP", "gif": "GIF", "ppm": "PPM", "jp2": "JPEG2000"}
SOUND = {k: saved(photo, f) for k, f in PLAIN.items()}
SOUND |= {"progressive.jpg": saved(photo, "JPEG", progressive=True), "lzw.tiff": saved(photo, "TIFF", compression="tiff_lzw")}

def opened(source):
    "The data set, and the lines on stderr: each bad picture is named there once, printably."
    with contextlib.redirect_stderr(said := io.StringIO()): found = ImageFolder(source, 16, max_bad=.99)
    lines = said.getvalue().splitlines()
    assert sum(line.startswith("bad picture") for line in lines) == len(found.bad) and all(line.isprintable() for line in lines)
    return found, lines

def verdicts(files):
    "Name -> why it was left out, or None."
    folder = Path(tempfile.mkdtemp(dir="."))
    for name, content in files.items(): (folder / name).write_bytes(content)
    (folder / "a sound one.png").write_bytes(SOUND["png"])
    found = opened(folder)[0]
    return {name: found.bad.get(name) for name in files}

def read(found): return [name for name, why in found.items() if not why]

def test_cut_short(here):
    assert len(read(verdicts({f"whole.{k}": b for k, b in SOUND.items()}))) == len(SOUND)
    assert not read(verdicts({f"half.{k}": b[:len(b) // 2] for k, b in SOUND.items()}))
    assert not read(verdicts({f"20 bytes.{k}": b[:20] for k, b in SOUND.items()}))
    ends = verdicts({f"6 bytes short.{k}": SOUND[k][:-6] for k in ("png", "jpg", "gif", "webp", "tiff")})
    assert {"6 bytes short.png"} <= {*read(ends)} and ends["6 bytes short.webp"] and ends["6 bytes short.tiff"]

def test_something_else(here):
    els = {"text.png": b"I am a picture, believe me.", "nothing.jpg": b"", "web page.jpg": b"<!doctype html><title>404</title>", "drawing.png": b"<svg/>",
           "archive.png": b"PK\3\4" + bytes(99), "a photograph as.png": SOUND["jpg"], "a drawing as.JPG": SOUND["png"]}
    assert read(verdicts(els)) == ["a photograph as.png", "a drawing as.JPG"]

def test_strange_sizes(here):
    def resaid(k, at, form, *numbers): return SOUND[k][:at] + struct.pack(form, *numbers) + SOUND[k][at + struct.calcsize(form):]
    text = chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(70 << 20)))
    said = {"60000 x 60000.png": resaid("png", 16, ">II", 60000, 60000), "65535 x 65535.gif": resaid("gif", 6, "<HH", 65535, 65535),
            "15000 x 10000.bmp": resaid("bmp", 18, "<ii", 15000, 10000), "16000 x 8000.ppm": b"P6 16000 8000 255 and then not much",
            "0 x 0.png": png(8, 2, b"", size=(0, 0)), "70 MB of text.png": SOUND["png"][:33] + text + SOUND["png"][33:]}
    thin = {f"{w} x {h}.png": saved(photo.resize((w, h)), "PNG") for w, h in [(1, 1), (1, 10000), (10000, 1)]}
    assert read(verdicts(said | thin)) == list(thin)

def test_wrong_notes_and_bits(here):
    notes = {f"EXIF {k}.{f}": saved(photo, f.upper().replace("JPG", "JPEG"), exif=b"Exif\0\0" + e) for f in ("jpg", "png", "webp")
             for k, e in {"garbage": b"garbage", "without end": b"II*\0\xff\xff\xff\x7f"}.items()}
    notes |= {f"profile garbage.{f}": saved(photo, g, icc_profile=b"\0junk" * 50) for f, g in [("jpg", "JPEG"), ("png", "PNG"), ("tiff", "TIFF")]}
    for k in (0, 9, 65535):
        exif = Image.Exif()
        exif[0x0112] = k
        notes[f"lies in way {k}.jpg"] = saved(photo, "JPEG", exif=exif)
    assert len(read(verdicts(notes))) == len(notes)
    def flipped(k, at): return SOUND[k][:at] + bytes([SOUND[k][at] ^ 0x55]) + SOUND[k][at + 1:]
    bits = {"header's checksum.png": flipped("png", 30), "pixels.png": flipped("png", len(SOUND["png"]) // 2),
            "pixels.jpg": flipped("jpg", len(SOUND["jpg"]) // 2)}  # a JPEG has no checksum
    assert read(verdicts(bits)) == ["pixels.jpg"]

def test_files_that_are_none(here):
    (odd := here / "odd").mkdir()
    os.mkfifo(odd / "pipe.jpg")
    for name, target in {"endless.png": "/dev/zero", "loop.png": "loop.png", "dangling.png": "nowhere", "linked.png": "sound.png"}.items(): (odd / name).symlink_to(target)
    (odd / "folder.png").mkdir()
    for f in ("sound.png", "folder.png/inner.png"): (odd / f).write_bytes(SOUND["png"])
    (odd / "again").symlink_to(odd)
    (odd / "a zip inside.zip").write_bytes(b"whatever")
    os.chdir(odd)
    socket.socket(socket.AF_UNIX).bind("socket.png")
    os.chdir(here)
    found, lines = opened(odd)
    assert [n for n in found.files if n not in found.bad] == ["folder.png/inner.png", "linked.png", "sound.png"] and len(lines) == len(found.bad) + 2
    with pytest.raises(BadData, match="not a regular file"): ImageFolder(odd / "pipe.jpg")
    with pytest.raises(BadData, match="no such folder"): ImageFolder(odd / "loop.png")

def test_names(here):
    names = ["señor ñandú.png", "山.png", "two\nlines.png", "\x1b[2Jcleared.png", "\u202egnp.png", "caf\udce9.png", "n" * 251 + ".png"]
    assert read(verdicts(dict.fromkeys(names, SOUND["png"]))) == names
    assert not read(verdicts(dict.fromkeys(names, b"damaged")))

def test_zips(here):
    parts = {"/etc/absolute.png": SOUND["png"], "../../above.png": SOUND["jpg"], "s" * 60000 + ".png": b"long", "folder/inner.zip": b"PK", "a link.png": b"/etc/passwd",
             "encrypted.png": SOUND["png"], "wrong sum.png": SOUND["png"], "unknown method.png": SOUND["png"], "endless.png": b"\0", "sound.png": SOUND["png"]}
    with zipfile.ZipFile("odd.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for name, content in parts.items(): z.writestr(name, content)
    raw = bytearray(Path("odd.zip").read_bytes())
    def edit(name, at, form, number):
        entry = raw.rindex(name.encode()) - 46  # of the directory at the end; the same fields lie 2 bytes earlier in front of the data
        for place in (entry + at, raw.index(name.encode()) - 30 + at - 2): raw[place:place + struct.calcsize(form)] = struct.pack(form, number)
    for one in [("encrypted.png", 8, "<H", 1), ("unknown method.png", 10, "<H", 77), ("wrong sum.png", 16, "<I", 7), ("endless.png", 24, "<I", 4_000_000_000)]: edit(*one)
    Path("odd.zip").write_bytes(raw)
    found, lines = opened("odd.zip")
    assert [n for n in found.files if n not in found.bad] == ["../../above.png", "/etc/absolute.png", "sound.png"] and len(lines) == len(found.bad) + 1
    for name, content in {"cut.zip": raw[:len(raw) // 2], "empty.zip": b"", "directory.zip": raw[-400:]}.items():
        Path(name).write_bytes(content)
        with pytest.raises(BadData, match="neither a folder nor a zip file"): ImageFolder(name)
