"""What is measured and compared, on a pretended device: the other systems' steps and pictures, metrics, artefacts, evaluation, export, the check of a device."""
from functools import partial
import numpy as np, torch
from creps import anyres, artefacts, device_benchmark, distributions, export, filters, metrics, peers
from creps.core import seeded
from creps.generator import Generator
from creps.settings import Settings
from creps.step import TrainingStep
from device import Entry

SYSTEMS = ("CIPS", "StyleGAN2", "AnyresGAN", "ScaleParty")
small = dict(channel_base=512, channel_max=32, d_channel_base=512, d_channel_max=32, z_dim=32, w_dim=32, biline_channels=8, mapping_layers=2)

def one_step(step, resolution: int, at: int, labels: int = 0, **given):
    "A training step: number `at` decides which penalties are due."
    def prepare(device):
        settings = Settings(resolution=resolution, **dict(label_dim=labels) | step.preferred.given() | given).complete()
        state, batch, side = step.begin(settings, device), settings.batch, step.data_size or resolution
        kinds = np.eye(labels, dtype=np.float32)[np.arange(batch) % labels] if labels else None
        real = torch.zeros(batch, settings.image_channels, side, side, device=device)
        real_label = None if kinds is None else torch.zeros(batch, labels, device=device)
        def act():
            state.step = at
            step(state, settings, (real, real_label, kinds))
        return act
    return prepare

def second_stage(device):
    teacher = seeded(0, partial(anyres.AnyresGAN, 32, **{k: small[k] for k in ("channel_base", "channel_max", "z_dim", "w_dim")}), device)
    return one_step(anyres.AnyresPatchStep(teacher), 32, 0, **small, batch=16)(device)

def on_images(f, channels: int = 3, side: int = 64):
    "A function of images."
    def prepare(device):
        images = torch.zeros(8, channels, side, side, device=device)
        return lambda: f(images)
    return prepare

def on_pair(f, shape, dtype=torch.float32):
    "A function of two tensors."
    def prepare(device):
        pair = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(2)]
        return lambda: f(*pair)
    return prepare

def network(device, **given):
    make = partial(Generator, 64, **{k: v for k, v in small.items() if not k.startswith("d_")}, **given)
    return seeded(0, make, device).eval().requires_grad_(False)

def with_network(f, **given):
    "A function of a generator."
    def prepare(device):
        G = network(device, **given)
        return lambda: f(G)
    return prepare

def picture(name: str, size: int):
    "A picture of another system, without gradients."
    def prepare(device):
        widths = {k: small[k] for k in ("channel_base", "channel_max", "z_dim", "w_dim")}
        G = seeded(0, partial(peers.system(name)[0], 64, **widths), device).eval().requires_grad_(False)
        z = torch.zeros(4, G.z_dim, device=device)
        return torch.no_grad()(lambda: G.draw(G.mapping(z), size))
    return prepare

def built(name: str):
    "A system made by somebody who works on the device."
    def prepare(device):
        def act():
            with torch.device(device): return peers.system(name)[0](64, channel_base=1024, channel_max=32)
        return act
    return prepare

def evaluated(names, **given):
    "The metrics of a network against a set of pictures."
    real = np.zeros((48, 64, 64, 3), np.uint8)
    def prepare(device):
        G = network(device, **given)
        return lambda: distributions.evaluate(G, real, names, 48, cache=None, device=device)
    return prepare

def sets(f, count: int = 48):
    "A function of uint8 pictures that are on the device."
    def prepare(device):
        pictures = torch.zeros(count, 64, 64, 3, dtype=torch.uint8, device=device)
        return lambda: f(pictures)
    return prepare

def timed(how: str):
    "What the check of a device measures."
    settings = Settings(resolution=32, **small, batch=8).complete()
    def prepare(device):
        if how == "pass": return lambda: device_benchmark.measure_pass(settings, device, "float32", "eager", 1)
        return lambda: device_benchmark.measure_training(settings, device, "float32", 1)
    return prepare

LOOKS = "lite1" if "lite1-frechet" in distributions.usual() else "scenery"   # the one that is installed, or the one that comes along
SETS = ("swd", *(f"{LOOKS}-{kind}" for kind in ("frechet", "precision", "recall")))
ENTRIES = [
    *(Entry(f"a step of {n} at 256 px", one_step(peers.system(n)[1](), 256, 1), most, 20) for n, most in (("CIPS", 6000), ("StyleGAN2", 4000))),
    *(Entry(f"a step of {n} at 64 px with R1", one_step(peers.system(n)[1](), 64, 0, batch=32), 7000, 20) for n in SYSTEMS),
    *(Entry(f"a step of {n} at 32 px, of three kinds", one_step(peers.system(n)[1](), 32, 0, 3, **small, batch=8), 6000, 25) for n in SYSTEMS),
    Entry("a step of AnyresGAN's second stage", second_stage, 4000, 20, 1),
    *(Entry(f"a step with {n}", one_step(kind(), 64, 0), 7000, 25) for n, kind in artefacts.REMEDIES.items()),
    *(Entry(f"a step of CREPS, {c}, {n} channels", one_step(TrainingStep(), 32, 0, 3, composition=c, image_channels=n, **small), 6000, 25)
      for c, n in (("once", 1), ("none", 4))),
    *(Entry(f"{n} built", built(n), 120, 16) for n in SYSTEMS),
    *(Entry(f"{n} drawn at twice its size", picture(n, 128), 1000, 4) for n in SYSTEMS),
    *(Entry(f"{n}, {c} channels", on_pair(getattr(metrics, n), (8, c, 64, 64)), 50, 0, 0) for n in ("psnr", "ssim") for c in (1, 4)),
    *(Entry(f"reduced by {n}", on_images(partial(filters.reduced, size=24, reducer=n)), 10, 0, 0) for n in filters.REDUCERS),
    Entry("a Laplacian pyramid of grey pictures", on_images(metrics.laplacian_pyramid, 1), 30, 0, 0),
    Entry("swd of pictures on the device", on_pair(metrics.swd, (48, 64, 64, 3), torch.uint8), 100, 12, 24),
    Entry("frechet of features on the device", on_pair(metrics.frechet, (48, 16)), 2, 0, 2),
    Entry("kid of features on the device", on_pair(partial(distributions.kid, size=24, subsets=3), (48, 16)), 2, 0, 2),
    Entry("precision of features on the device", on_pair(distributions.precision, (48, 16)), 2, 0, 2),
    *(Entry(n, on_images(f), 60, 1, 0) for n, f in artefacts.MEASURES.items()),
    Entry("all artefacts of pictures on the device", sets(artefacts.measure), 300, 2, 6),
    *(Entry(f"consistency{t}", with_network(partial(metrics.consistency, sizes=(64, 128), samples=8), **g), 1500, 5, 5)
      for t, g in (("", {}), (" of a network with kinds, grey", dict(label_dim=3, image_channels=1)), (" without lines", dict(composition="none")))),
    *(Entry(f"an evaluation{t}", evaluated(SETS, **g), 2500, 16, 12) for t, g in (("", {}), (" of kinds", dict(label_dim=3)))),
    Entry("pictures of a generator", with_network(partial(artefacts.sampled, count=32)), 1000, 4, 1),
    *(Entry(f"export of its {p}", with_network(partial(export.export_onnx, out=None, part=p)), 200, 0) for p in export.PARTS),
    *(Entry(f"the check of a device: {n}", timed(n), 60000, 300) for n in ("pass", "training")),
]
