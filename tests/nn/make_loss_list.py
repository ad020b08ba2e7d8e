#!/usr/bin/env python3
"""Makes loss_list.tsv: 20 losses of each model, 230 classes, batch 4, dropout 0, by PyTorch in float64, and beside them
in float32: how far fp32 alone leads away. Of resnet, which has a second head, the loss of the first plus half of that of
the second.

Weights and patterns come from Philox4x32-10, written here a second time (see kernels/base/random.h, nn/parameters.h):
  weights   element e of parameter tensor i: word e % 4 of call (seed, init; e / 4, i, 0); normalisations begin with
            scale 1 and shift 0, which are tensors of that count, too
  patterns  point t of pattern p: u^8 with u = uniform01 of word t % 4 of call (seed, test; t / 4, 0, p)
  labels    of pattern p: high 32 bits of 230 * word 0 of call (seed, test; 0, 1, p)
Step s trains on the patterns 4 s .. 4 s + 3, modulo 8: the same eight patterns again, so that the loss falls.

  python make_loss_list.py > loss_list.tsv        (needs numpy and torch; of the models named behind it alone)
"""
import sys

import numpy as np
import torch
from torch import nn

SEED, STEPS, BATCH, PATTERNS, CLASSES, POINTS = 2023, 20, 4, 8, 230, 8500
INIT, TEST = 0, 4  # streams


def philox4x32_10(counter, key):
    c = [np.asarray(x, dtype=np.uint64) for x in np.broadcast_arrays(*counter)]
    k = [np.uint64(x) for x in key]
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * c[0]
        p1 = np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> shift) ^ c[1] ^ k[0], p1 & low, (p0 >> shift) ^ c[3] ^ k[1], p0 & low]
        k = [(k[0] + np.uint64(0x9E3779B9)) & low, (k[1] + np.uint64(0xBB67AE85)) & low]
    return np.stack(c, axis=-1).astype(np.uint32)


def check_known_answers():
    """Random123 1.09, kat_vectors, philox4x32 10."""
    for counter, key, expected in [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
         (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ]:
        got = tuple(int(x) for x in philox4x32_10(counter, key))
        assert got == expected, (got, expected)


def uniform01(words):
    return (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def words(count, stream, purpose, index):
    calls = np.arange((count + 3) // 4)
    return philox4x32_10((calls, purpose, index & 0xFFFFFFFF, index >> 32), (SEED, stream)).reshape(-1)[:count]


def parameter(number, shape, fan_in):
    u = uniform01(words(int(np.prod(shape)), INIT, number, 0)).astype(np.float64)
    return ((2 * u - 1) * (1 / np.sqrt(np.float64(fan_in)))).astype(np.float32).reshape(shape)


def pattern(index, points):
    x = uniform01(words(points, TEST, 0, index))
    for _ in range(3):
        x = x * x
    return x


def label(index):
    return int((int(words(1, TEST, 1, index)[0]) * CLASSES) >> 32)


class Flatten(nn.Module):
    """(N, C, t) -> (N, t * C): the flatten order is (t, c)."""

    def forward(self, x):
        return x.transpose(1, 2).flatten(1)


def convolutions(pools):
    layers, channels = [], 1
    for (kernel, stride), pool in zip([(100, 5), (50, 5), (25, 2)], pools):
        layers += [nn.Conv1d(channels, 80, kernel, stride), nn.ReLU()]
        if pool:
            layers.append(nn.AvgPool1d(3, pool))
        channels = 80
    return layers + [Flatten()]


def dense(widths):
    layers = []
    for i in range(len(widths) - 1):
        layers += [nn.Linear(widths[i], widths[i + 1]), nn.ReLU()]
    return layers[:-1]


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv1d(channels, channels, 5, padding=2), nn.BatchNorm1d(channels)
        self.conv2, self.norm2 = nn.Conv1d(channels, channels, 5, padding=2), nn.BatchNorm1d(channels)

    def forward(self, x):
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(x + self.norm2(self.conv2(y)))


class Heads(nn.Module):
    """The space group and, by SYSTEM_OF, the crystal system."""

    def __init__(self, width):
        super().__init__()
        self.group, self.system = nn.Linear(width, CLASSES), nn.Linear(width, 7)

    def forward(self, x):
        return self.group(x), self.system(x)


# Space groups by crystal system end with these numbers (International Tables A); a label is a number less 1.
SYSTEM_OF = torch.tensor([sum(label >= last for last in (2, 15, 74, 142, 167, 194)) for label in range(CLASSES)])


def stage(channels_in, channels, kernel, stride):
    padding = (kernel - stride) // 2
    return [nn.Conv1d(channels_in, channels, kernel, stride, padding), nn.BatchNorm1d(channels), nn.ReLU(),
            Residual(channels)]


def make(name):
    if name == "resnet":
        layers = stage(1, 48, 16, 4) + stage(48, 64, 4, 2) + stage(64, 96, 4, 2)
        layers += [nn.Conv1d(96, 48, 1), nn.ReLU(), Flatten()] + dense([106 * 48, 768, 384]) + [nn.ReLU(), Heads(384)]
    elif name == "scnn":
        layers = convolutions([2, 1, 1]) + dense([5200, 2300, 1150, CLASSES])
    elif name == "npcnn":
        layers = convolutions([None] * 3) + dense([12160, 2300, 1150, CLASSES])
    else:
        layers = [Flatten()] + dense([POINTS, 4000, 3000, 1000, 800, CLASSES])
    model = nn.Sequential(*layers)
    number = 0
    with torch.no_grad():
        for layer in model.modules():  # in the order of construction
            if isinstance(layer, nn.Conv1d):
                out, channels, kernel = layer.weight.shape
                fan_in = kernel * channels
                weight = parameter(number, (out, kernel, channels), fan_in)
                layer.weight.copy_(torch.from_numpy(weight).permute(0, 2, 1))
            elif isinstance(layer, nn.Linear):
                fan_in = layer.weight.shape[1]
                layer.weight.copy_(torch.from_numpy(parameter(number, tuple(layer.weight.shape), fan_in)))
            elif isinstance(layer, nn.BatchNorm1d):  # as PyTorch begins it
                number += 2
                continue
            else:
                continue
            layer.bias.copy_(torch.from_numpy(parameter(number + 1, tuple(layer.bias.shape), fan_in)))
            number += 2
    return model


def losses(name, dtype):
    model = make(name).to(dtype)
    points = 1700 if name == "resnet" else POINTS
    adam = torch.optim.Adam(model.parameters(), lr=1e-4)
    for step in range(STEPS):
        indices = [i % PATTERNS for i in range(step * BATCH, (step + 1) * BATCH)]
        x = torch.from_numpy(np.stack([pattern(i, points) for i in indices])).to(dtype).unsqueeze(1)
        y = torch.tensor([label(i) for i in indices])
        adam.zero_grad()
        if name == "resnet":
            group, system = model(x)
            loss = nn.functional.cross_entropy(group, y) + 0.5 * nn.functional.cross_entropy(system, SYSTEM_OF[y])
        else:
            loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        adam.step()
        yield loss.item()


def main():
    check_known_answers()
    print(f"# torch {torch.__version__}, numpy {np.__version__}; seed {SEED}, batch {BATCH}, Adam 1e-4")
    print("model\tstep\tloss_float64\tloss_float32")
    for name in sys.argv[1:] or ["scnn", "npcnn", "mlp", "resnet"]:
        for step, (double, single) in enumerate(zip(losses(name, torch.float64), losses(name, torch.float32))):
            print(f"{name}\t{step}\t{double:.13f}\t{single:.7f}", flush=True)


if __name__ == "__main__":
    main()
