"""Training on a pretended device: steps with everything that can be switched on, the loader, snapshots."""
from unittest.mock import patch
import numpy as np, torch
from creps import tiles, train
from creps.data import Sampler, batches
from creps.discriminator import Discriminator
from creps.generator import Generator
from creps.octaves import OctaveStep
from creps.settings import Settings
from creps.step import BatchSplit, TrainingStep
from device import Entry

small = dict(batch=8, channel_base=256, channel_max=32, d_channel_base=1024, d_channel_max=32)

def one_step(resolution: int, at: int, labels: int = 0, parts: int = 1, **given):
    "A step of the whole recipe: number `at` decides which penalties are due."
    def prepare(device):
        settings = Settings(resolution=resolution, **dict(label_dim=labels) | given).complete()
        step = OctaveStep() if settings.octaves else TrainingStep()
        batch, side = settings.batch, settings.resolution
        state = step.begin(settings, device)
        kinds = np.eye(labels, dtype=np.float32)[np.arange(batch) % labels] if labels else None
        real = torch.zeros(batch, settings.image_channels, side, side, device=device)
        real_label = None if kinds is None else torch.zeros(batch, labels, device=device)
        def act():
            state.step = at
            if state.augment: state.augment.p = .5
            step(state, settings, (real, real_label, kinds), BatchSplit(batch, batch // parts))
        return act
    return prepare

class Few:
    "A data set of sixteen grey pictures."
    shape, label_dim, labels = (32, 32, 3), 0, np.zeros((16, 0), np.float32)
    def __len__(self): return 16
    def batch(self, indices): return np.full((len(indices), *self.shape), 128, np.uint8), self.labels[indices]

def a_batch(device):
    stream = batches(Few(), Sampler(16, 8), device)
    return lambda: next(stream)

def a_sheet(device):
    settings = Settings(resolution=32, **small).complete()
    state = TrainingStep().begin(settings, device)
    return lambda: train.samples(state, settings, count=16)

def a_generator(**given):
    def prepare(device):
        def act():
            with torch.device(device): G = Generator(64, channel_base=1024, channel_max=32, **given)
            G(torch.zeros(4, G.z_dim, device=device)).square().mean().backward()
        return act
    return prepare

def a_critic(device):
    D = Discriminator(256).to(device)
    images = torch.zeros(8, 3, 256, 256, device=device)
    return lambda: D(images).sum().backward()

def in_little_memory(prepare, spare: int):
    "The same on a device with `spare` bytes for G's pixels."
    def prepared(device):
        act = prepare(device)
        def small():
            with patch.object(tiles, "spare_memory", lambda device: spare): act()
        return small
    return prepared

ENTRIES = [
    Entry("a step at 256 px, batch 32", one_step(256, 1), 4000, 5),
    Entry("the same with 8 GB for G's pixels", in_little_memory(one_step(256, 1), 8 << 30), 6000, 5),
    Entry("the same with both penalties", one_step(256, 0), 13000, 5),
    Entry("a step at 128 px, batch 32", one_step(128, 1), 3000, 5),
    Entry("a step at 64 px with both penalties", one_step(64, 0), 6700, 5),
    Entry("the same, augmented", one_step(64, 0, augment="ada"), 6900, 20),
    Entry("the same, with two averages and a burn-in", one_step(64, 0, averages=True, burn_in=1., gamma_start=10., lr_start=.01), 6700, 5),
    Entry("the same, in two parts", one_step(64, 0, parts=2), 13400, 10),
    Entry("the same, of three kinds", one_step(64, 0, labels=3), 7200, 10),
    Entry("the same, grey, augmented", one_step(32, 0, image_channels=1, augment="0.5", **small), 5000, 20),
    Entry("the same, transparent, augmented", one_step(32, 0, image_channels=4, augment="0.5", **small), 5000, 20),
    Entry("the same, composed once", one_step(32, 0, composition="once", **small), 4300, 5),
    Entry("the same, without lines", one_step(32, 0, composition="none", **small), 4800, 12),
    Entry("the same, of areas", one_step(32, 0, supersample=2, **small), 4800, 5),
    Entry("the same, at every scale", one_step(32, 0, octaves=3, **small), 7000, 30),
    Entry("a generator built and drawn", a_generator(), 1400, 4),
    Entry("the same without lines", a_generator(composition="none"), 1400, 4),
    Entry("a critic's forward and backward", a_critic, 350, 0),
    Entry("a batch of pictures", a_batch, 10, 2),
    Entry("a snapshot's sheet", a_sheet, 300, 3),
]
