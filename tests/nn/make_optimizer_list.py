#!/usr/bin/env python3
"""Makes optimizer_list.tsv: 20 steps of a small network under each optimizer, schedule and loss of a training, by PyTorch
in float64: the loss of the batch, the norm of all parameters after the step, and where the weights are averaged the
average's loss on the same batch and its norm. Beside the loss the one in float32: how far fp32 alone leads away.

The network: convolutions 5, 6, 4 (kernels 5, 4, 3; strides 2, 1, 2), dense 12, 10, and 5 classes; with `huber` three
numbers beside them, which weigh half; with `normalised` batch norm behind the first two convolutions, whose statistics
the average takes anew from all patterns before it answers. Weights, patterns and labels as make_loss_list.py has them, with 61 points;
target k of pattern p is 4 u - 2 with u = uniform01 of word k of call (seed, test; 0, 2, p), in float32.

  python make_optimizer_list.py > optimizer_list.tsv        (needs numpy and torch)
"""
import make_loss_list as base
import numpy as np
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

base.POINTS, base.CLASSES = 61, 5
STEPS, RATE, BETAS = 20, 1e-2, (0.9, 0.98)
WEIGHTS = [0.5, 1.0, 2.0, 1.5, 3.0]
DELTA, HUBER_WEIGHT = 0.75, 0.5


class Net(nn.Module):
    def __init__(self, regression, normalised):
        super().__init__()

        def norm_of(channels):
            return [nn.BatchNorm1d(channels)] if normalised else []

        self.trunk = nn.Sequential(
            nn.Conv1d(1, 5, 5, 2), *norm_of(5), nn.ReLU(), nn.Conv1d(5, 6, 4, 1), *norm_of(6), nn.ReLU(),
            nn.Conv1d(6, 4, 3, 2), nn.ReLU(), base.Flatten(), nn.Linear(48, 12), nn.ReLU(), nn.Linear(12, 10), nn.ReLU())
        self.classes = nn.Linear(10, base.CLASSES)
        self.numbers = nn.Linear(10, 3) if regression else None
        number = 0
        with torch.no_grad():
            for layer in [*self.trunk, self.classes, self.numbers]:
                if isinstance(layer, nn.Conv1d):
                    out, channels, kernel = layer.weight.shape
                    fan_in = kernel * channels
                    weight = base.parameter(number, (out, kernel, channels), fan_in)
                    layer.weight.copy_(torch.from_numpy(weight).permute(0, 2, 1))
                elif isinstance(layer, nn.Linear):
                    fan_in = layer.weight.shape[1]
                    layer.weight.copy_(torch.from_numpy(base.parameter(number, tuple(layer.weight.shape), fan_in)))
                elif isinstance(layer, nn.BatchNorm1d):  # as PyTorch begins it
                    number += 2
                    continue
                else:
                    continue
                layer.bias.copy_(torch.from_numpy(base.parameter(number + 1, tuple(layer.bias.shape), fan_in)))
                number += 2

    def forward(self, x):
        x = self.trunk(x)
        return self.classes(x), self.numbers(x) if self.numbers else None


def batch(step):
    """Patterns and labels."""
    indices = [i % base.PATTERNS for i in range(step * base.BATCH, (step + 1) * base.BATCH)]
    x = torch.from_numpy(np.stack([base.pattern(i, base.POINTS) for i in indices])).to(torch.get_default_dtype())
    return x.unsqueeze(1), torch.tensor([base.label(i) for i in indices])


def targets(index):
    u = base.uniform01(base.words(3, base.TEST, 2, index))
    return np.float32(4) * u - np.float32(2)


def warm_up(adam, steps):
    """rate (s + 1) / steps"""
    return lr_scheduler.LinearLR(adam, 1 / steps, 1, steps - 1)


def cosine(adam):
    after = lr_scheduler.CosineAnnealingLR(adam, STEPS - 5, eta_min=0.1 * RATE)
    return lr_scheduler.SequentialLR(adam, [warm_up(adam, 5), after], [5])


def linear_decay(adam):
    stable = lr_scheduler.ConstantLR(adam, 1, 1)
    falls = lr_scheduler.LinearLR(adam, 1, 0, STEPS - 12)
    return lr_scheduler.SequentialLR(adam, [warm_up(adam, 4), stable, falls], [4, 12])


CASES = {
    "adamw": dict(decay=0.1),
    "clip": dict(clip=0.5),
    "cosine": dict(schedule=cosine),
    "linear_decay": dict(schedule=linear_decay),
    "ema": dict(ema=0.9),
    "label_smoothing": dict(smoothing=0.1),
    "class_weights": dict(weights=WEIGHTS),
    "huber": dict(huber=True),
    "batch_norm": dict(ema=0.9, normalised=True),
    "all": dict(decay=0.1, clip=0.5, schedule=cosine, ema=0.9, smoothing=0.1, weights=WEIGHTS, huber=True),
}


def parameter_groups(model, decay):
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def norm(model):
    return float(sum((p.double() ** 2).sum() for p in model.parameters())) ** 0.5


def run(dtype, decay=0.0, clip=None, schedule=None, ema=None, smoothing=0.0, weights=None, huber=False,
        normalised=False):
    torch.set_default_dtype(dtype)
    model = Net(huber, normalised).to(dtype)
    optimizer = torch.optim.AdamW if decay else torch.optim.Adam
    adam = optimizer(parameter_groups(model, decay), lr=RATE, betas=BETAS)
    scheduler = schedule(adam) if schedule else None
    average = None
    if ema:
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema))
        average.update_parameters(model)  # the first is the copy that it begins as
    class_weights = None if weights is None else torch.tensor(weights, dtype=dtype)
    ce, hl = nn.CrossEntropyLoss(class_weights, label_smoothing=smoothing), nn.HuberLoss(delta=DELTA)
    clipped = []

    for step in range(STEPS):
        indices = [i % base.PATTERNS for i in range(step * base.BATCH, (step + 1) * base.BATCH)]
        x, y = batch(step)
        t = torch.from_numpy(np.stack([targets(i) for i in indices])).to(dtype)

        def loss_of(net):
            classes, numbers = net(x)
            return ce(classes, y) + (HUBER_WEIGHT * hl(numbers, t) if huber else 0)

        adam.zero_grad()
        loss = loss_of(model)
        loss.backward()
        if clip:
            clipped.append(float(nn.utils.clip_grad_norm_(model.parameters(), clip)) > clip)
        adam.step()
        if scheduler:
            scheduler.step()
        if average:
            average.update_parameters(model)
            update_bn([batch(i) for i in range(base.PATTERNS // base.BATCH)], average)
            average.eval()
            with torch.no_grad():
                averaged = loss_of(average.module).item(), norm(average.module)
        yield loss.item(), norm(model), *(averaged if average else (float("nan"), float("nan")))
    assert not clip or (any(clipped) and not all(clipped)), clipped


def main():
    base.check_known_answers()
    print(f"# torch {torch.__version__}, numpy {np.__version__}; seed {base.SEED}, batch {base.BATCH}, rate {RATE}, betas "
          f"{BETAS[0]} {BETAS[1]}")
    print("case\tstep\tloss_float64\tloss_float32\tnorm\taverage_loss\taverage_norm")
    for name, how in CASES.items():
        for step, (double, single) in enumerate(zip(run(torch.float64, **how), list(run(torch.float32, **how)))):
            loss, length, average_loss, average_norm = double
            print(f"{name}\t{step}\t{loss:.13f}\t{single[0]:.8f}\t{length:.13f}\t{average_loss:.13f}\t{average_norm:.13f}")


if __name__ == "__main__":
    main()
