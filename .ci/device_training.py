"""Training on a pretended device: steps with everything that can be switched on, the loader, snapshots."""
import numpy as np, torch
from creps import benchmark, train
from creps.data import Sampler, batches
from creps.discriminator import Discriminator
from creps.generator import Generator
from creps.step import Rule, Share
from device import Entry

small = dict(batch=8, channel_base=256, channel_max=32, d_channel_base=1024, d_channel_max=32)

def one_step(resolution: int, at: int, labels: int = 0, parts: int = 1, **given):
    "A step of the whole recipe: number `at` decides which penalties are due."
    def prepare(device):
        settings = benchmark.step_settings(resolution, **dict(label_dim=labels) | given)
        rule, batch, side = Rule(), settings["batch"], settings["resolution"]
        state = rule.begin(settings, device)
        kinds = np.eye(labels, dtype=np.float32)[np.arange(batch) % labels] if labels else None
        real = torch.zeros(batch, settings["image_channels"], side, side, device=device)
        real_label = None if kinds is None else torch.zeros(batch, labels, device=device)
        def act():
            state.step = at
            if state.augment: state.augment.p = .5
            rule(state, settings, (real, real_label, kinds), Share(batch, batch // parts))
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
    settings = benchmark.step_settings(32, **small)
    state = Rule().begin(settings, device)
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

ENTRIES = [
    Entry("a step at 256 px, batch 32", one_step(256, 1), 4000, 20),
    Entry("the same with path length", one_step(256, 4), 8000, 20),
    Entry("the same with both penalties", one_step(256, 0), 10000, 20),
    Entry("a step at 128 px, batch 32", one_step(128, 1), 4000, 20),
    Entry("a step at 512 px, batch 16", one_step(512, 1, batch=16), 6000, 20),
    Entry("a step at 64 px with both penalties", one_step(64, 0), 6000, 20),
    Entry("the same, augmented", one_step(64, 0, augment="ada"), 8000, 60),
    Entry("the same, in two parts", one_step(64, 0, parts=2), 12000, 30),
    Entry("the same, of three kinds", one_step(64, 0, labels=3), 6000, 30),
    Entry("the same, grey, augmented", one_step(32, 0, image_channels=1, augment="0.5", **small), 6000, 60),
    Entry("the same, transparent, augmented", one_step(32, 0, image_channels=4, augment="0.5", **small), 6000, 60),
    Entry("the same, composed once", one_step(32, 0, composition="once", **small), 6000, 20),
    Entry("the same, without lines", one_step(32, 0, composition="none", **small), 6000, 20),
    Entry("a generator built and drawn", a_generator(), 1200, 10),
    Entry("the same without lines", a_generator(composition="none"), 1200, 10),
    Entry("a critic's forward and backward", a_critic, 700, 0),
    Entry("a batch of pictures", a_batch, 10, 4),
    Entry("a snapshot's sheet", a_sheet, 500, 10),
]
