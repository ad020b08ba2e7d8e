#!/usr/bin/env python3
"""bragg's training step and inference against PyTorch's, alternating, on the same threads; JSON lines.

PyTorch runs the same models (dropout included), loss and fused Adam on a batch that lies in memory:
  conv1d           nn.Conv1d on (N, C, L)
  channels_last    nn.Conv2d on (N, C, 1, L), memory_format=channels_last
  ... +compile     the same through torch.compile
in fp32, in bf16 (autocast: parameters in fp32, as bragg has them) and, for inference alone, with weights in bf16. The best
variant of a precision is the peer of bragg in that precision. Where bragg computes bf16 in fp32, because the CPU has none that is
faster, it is its fp32 that stands beside PyTorch's bf16, and the line says so ("bf16_computed_in"). What is more than a quarter
slower than the fastest in the first round is not timed again.

  python pytorch_peer.py --bragg build/release/bench/bench_training [--threads 2] [--batch 256] [--rounds 3] [--compile]
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

POINTS, CLASSES = 8500, 230
POINTS_OF_RESNET, SYSTEMS = 1700, 7


class Flatten(nn.Module):
    def forward(self, x):
        return x.flatten(1)


def convolutions(pools, two_dimensional):
    layers, channels = [], 1
    for (kernel, stride), pool in zip([(100, 5), (50, 5), (25, 2)], pools):
        if two_dimensional:
            layers.append(nn.Conv2d(channels, 80, (1, kernel), (1, stride)))
        else:
            layers.append(nn.Conv1d(channels, 80, kernel, stride))
        layers += [nn.ReLU(), nn.Dropout(0.3)]
        if pool:
            layers.append(nn.AvgPool2d((1, 3), (1, pool)) if two_dimensional else nn.AvgPool1d(3, pool))
        channels = 80
    return layers + [Flatten()]


def dense(widths, dropouts):
    layers = []
    for i, p in enumerate(dropouts):
        layers += [nn.Linear(widths[i], widths[i + 1]), nn.ReLU(), nn.Dropout(p)]
    return layers + [nn.Linear(widths[-2], widths[-1])]


class Padded(nn.Sequential):
    """A convolution with batch norm behind it."""

    def __init__(self, channels_in, channels, kernel, stride, padding, two_dimensional):
        if two_dimensional:
            super().__init__(nn.Conv2d(channels_in, channels, (1, kernel), (1, stride), (0, padding)),
                             nn.BatchNorm2d(channels))
        else:
            super().__init__(nn.Conv1d(channels_in, channels, kernel, stride, padding), nn.BatchNorm1d(channels))


class Residual(nn.Module):
    def __init__(self, channels, two_dimensional):
        super().__init__()
        self.first = Padded(channels, channels, 5, 1, 2, two_dimensional)
        self.second = Padded(channels, channels, 5, 1, 2, two_dimensional)

    def forward(self, x):
        return torch.relu(x + self.second(torch.relu(self.first(x))))


class Heads(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.group, self.system = nn.Linear(width, CLASSES), nn.Linear(width, SYSTEMS)

    def forward(self, x):
        return self.group(x), self.system(x)


def resnet(two_dimensional):
    layers, channels_in = [], 1
    for channels, kernel, stride in [(48, 16, 4), (64, 4, 2), (96, 4, 2)]:
        layers += [Padded(channels_in, channels, kernel, stride, (kernel - stride) // 2, two_dimensional), nn.ReLU(),
                   Residual(channels, two_dimensional)]
        channels_in = channels
    layers += [nn.Conv2d(96, 48, 1) if two_dimensional else nn.Conv1d(96, 48, 1), nn.ReLU(), Flatten(), nn.Dropout(0.3)]
    return layers + dense([106 * 48, 768, 384, CLASSES], [0.3, 0.3])[:-1] + [Heads(384)]


def make(name, two_dimensional):
    if name == "resnet":
        layers = resnet(two_dimensional)
    elif name == "scnn":
        layers = convolutions([2, 1, 1], two_dimensional) + dense([5200, 2300, 1150, CLASSES], [0.5, 0.5])
    elif name == "npcnn":
        layers = convolutions([None] * 3, two_dimensional) + dense([12160, 2300, 1150, CLASSES], [0.5, 0.5])
    else:
        layers = [Flatten()] + dense([POINTS, 4000, 3000, 1000, 800, CLASSES], [0.6, 0.5, 0.4, 0.3])
    return nn.Sequential(*layers)


def variant_name(layout, compiled, kind):
    return layout + ("+compile" if compiled else "") + ("" if kind == "fp32" else " " + kind)


class Variant:
    """One way to run the model; `train` and `infer` do a batch. `kind`: fp32, bf16 (autocast), bf16 weights (inference)."""

    def __init__(self, model, layout, compiled, kind, batch):
        torch.manual_seed(1)
        self.name = variant_name(layout, compiled, kind)
        self.net = make(model, layout == "channels_last")
        points = POINTS_OF_RESNET if model == "resnet" else POINTS
        self.x = torch.rand(batch, points).pow(8)
        self.x = self.x.view(batch, 1, 1, points) if layout == "channels_last" else self.x.view(batch, 1, points)
        if kind == "bf16 weights":
            self.net, self.x = self.net.bfloat16(), self.x.bfloat16()
        if layout == "channels_last":
            self.net = self.net.to(memory_format=torch.channels_last)
            self.x = self.x.to(memory_format=torch.channels_last)
        self.y = torch.arange(batch) % CLASSES
        self.adam = torch.optim.Adam(self.net.parameters(), lr=1e-4, fused=True)
        self.call = torch.compile(self.net) if compiled else self.net
        self.kind = kind

    def runs(self):
        """What is timed, by name."""
        return {"inference": self.infer} if self.kind == "bf16 weights" else {"training": self.train, "inference": self.infer}

    def forward(self):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.kind == "bf16"):
            return self.call(self.x)

    def train(self):
        self.net.train()
        self.adam.zero_grad(set_to_none=True)
        answer = self.forward()
        if isinstance(answer, tuple):
            group, system = answer
            loss = nn.functional.cross_entropy(group.float(), self.y)
            loss = loss + 0.5 * nn.functional.cross_entropy(system.float(), self.y % SYSTEMS)
        else:
            loss = nn.functional.cross_entropy(answer.float(), self.y)
        loss.backward()
        self.adam.step()

    def infer(self):
        self.net.eval()
        with torch.inference_mode():
            self.forward()


def median_time(run, seconds):
    run()
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def bragg(arguments, model, precision):
    """The line of JSON that it prints; none where this CPU lacks the precision."""
    command = [arguments.bragg, "--model", model, "--batch", str(arguments.batch), "--threads", str(arguments.threads),
               "--seconds", str(arguments.seconds), "--device", "cpu", "--precision", precision]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"bragg {model} {precision}: {done.stderr.strip()}", file=sys.stderr)
        if precision == "fp32":
            raise SystemExit(1)
        return None
    return json.loads(done.stdout)


def may_be_best(peers, variant):
    """Whether it was within a quarter of the fastest of its precision in anything; others are timed once."""
    def fastest(what, precision):
        return max(rates[0] for key, rates in peers.items() if key[:2] == (what, precision))
    return any(key[2] == variant and rates[0] > 0.75 * fastest(*key[:2]) for key, rates in peers.items())


def measured(arguments, model):
    """Patterns per second of all rounds: ours by (what, precision), the peers' by (what, precision, variant)."""
    layouts = ["conv1d"] if model == "mlp" else ["conv1d", "channels_last"]
    kinds = [(layout, compiled, kind) for kind in ("fp32", "bf16", "bf16 weights")
             for compiled in ((False, True) if arguments.compile else (False,)) for layout in layouts]
    ours, shares, peers, precisions = {}, {}, {}, ["fp32", "bf16"]
    for number in range(arguments.rounds):
        for precision in list(precisions):
            result = bragg(arguments, model, precision)
            if result is None:
                precisions.remove(precision)
                continue
            for what in ("training", "inference"):
                ours.setdefault((what, precision), []).append(result[what + "_patterns_per_s"])
                shares.setdefault((what, precision), []).append(result[what + "_share_of_peak"])
        for layout, compiled, kind in list(kinds):
            try:
                batch = arguments.batch if kind == "fp32" else arguments.bf16_batch or arguments.batch
                variant = Variant(model, layout, compiled, kind, batch)
                for what, run in variant.runs().items():
                    rate = batch / median_time(run, arguments.seconds)
                    print(f"{model} {what} {variant.name}: {rate:.1f} patterns/s", file=sys.stderr, flush=True)
                    peers.setdefault((what, kind[:4], variant.name), []).append(rate)
            except Exception as error:  # a variant that this machine cannot run is no peer; say so
                print(f"{model} {layout} {compiled} {kind}: {error}", file=sys.stderr)
                kinds.remove((layout, compiled, kind))
        if number == 0:
            kinds = [kind for kind in kinds if may_be_best(peers, variant_name(*kind))]
    return ours, shares, peers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bragg", required=True)
    parser.add_argument("--models", nargs="+", default=["scnn", "npcnn", "mlp", "resnet"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="per measurement")
    parser.add_argument("--bf16-batch", type=int, help="patterns per bf16 step; fewer where the machine only emulates it")
    parser.add_argument("--compile", action="store_true", help="torch.compile too")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)

    for model in arguments.models:
        ours, shares, peers = measured(arguments, model)
        for what in ("training", "inference"):
            record = {"model": model, "what": what, "batch": arguments.batch, "threads": arguments.threads,
                      "rounds": arguments.rounds}
            for precision in ("fp32", "bf16"):
                rates = {k[2]: statistics.median(v) for k, v in peers.items() if k[:2] == (what, precision)}
                name = max(rates, key=rates.get)
                record[f"torch_{precision}_patterns_per_s"] = round(rates[name], 1)
                record[f"torch_{precision}_variant"] = name
                computed_in = precision if (what, precision) in ours else "fp32"
                own, of = statistics.median(ours[what, computed_in]), "" if precision == "fp32" else "bf16_"
                record[f"bragg_{of}patterns_per_s"] = round(own, 1)
                record[of + "ratio"] = round(own / rates[name], 3)
                record[of + "share_of_peak"] = round(statistics.median(shares[what, computed_in]), 3)
                if computed_in != precision:
                    record["bf16_computed_in"] = computed_in
            record.update(torch_bf16_batch=arguments.bf16_batch or arguments.batch, torch=torch.__version__,
                          load_average=os.getloadavg()[0])
            print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
