#!/usr/bin/env python3
"""PyTorch's training step and inference on a GPU, as JSON lines: the peers of `bench_training --device cuda`.

  published   nn.Conv1d, fp32, eager, Adam: the paper's code
  eager_bf16  nn.Conv1d, bf16 autocast, eager, fused Adam
  strongest   nn.Conv2d on (N, C, 1, L), channels_last, bf16 autocast, torch.compile(mode="max-autotune-no-cudagraphs"),
              fused capturable Adam, the whole step replayed as one CUDA graph

  python pytorch_gpu_peer.py [--models scnn npcnn mlp] [--batch 256] [--seconds 3]
"""
import argparse
import json
import statistics

import torch
from pytorch_peer import CLASSES, POINTS, make
from torch import nn


class Peer:
    def __init__(self, model, form, batch):
        torch.manual_seed(1)
        strongest = form == "strongest"
        self.bf16 = form != "published"
        self.net = make(model, strongest).cuda()
        self.x = torch.rand(batch, POINTS, device="cuda").pow(8)
        if model != "mlp":
            self.x = self.x.view(batch, 1, 1, POINTS) if strongest else self.x.view(batch, 1, POINTS)
        if strongest and model != "mlp":
            self.net = self.net.to(memory_format=torch.channels_last)
            self.x = self.x.to(memory_format=torch.channels_last)
        self.y = torch.arange(batch, device="cuda") % CLASSES
        self.adam = torch.optim.Adam(self.net.parameters(), lr=1e-4, fused=self.bf16, capturable=strongest)
        self.call = torch.compile(self.net, mode="max-autotune-no-cudagraphs") if strongest else self.net
        if strongest:
            self.train, self.infer = captured(self.train, self.net.train), captured(self.infer, self.net.eval)

    def forward(self):
        with torch.autocast("cuda", torch.bfloat16, enabled=self.bf16):
            return self.call(self.x)

    def train(self):
        self.net.train()
        self.adam.zero_grad(set_to_none=False)
        nn.functional.cross_entropy(self.forward().float(), self.y).backward()
        self.adam.step()

    def infer(self):
        self.net.eval()
        with torch.no_grad():
            self.forward()


def captured(run, mode):
    """`run` as the replay of a graph, after the warm-up on a side stream that capturing asks for."""
    mode()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(5):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def median_s(run, seconds):
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    times, total = [], 0.0
    while len(times) < 10 or total < seconds:
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
        total += times[-1]
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["scnn", "npcnn", "mlp"])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=3, help="per measurement")
    arguments = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    for model in arguments.models:
        for form in ("published", "eager_bf16", "strongest"):
            try:
                peer = Peer(model, form, arguments.batch)
                train, infer = median_s(peer.train, arguments.seconds), median_s(peer.infer, arguments.seconds)
            except Exception as error:  # a form that this machine cannot run is no peer; say so
                print(f"{model} {form}: {error}")
                continue
            print(json.dumps({"model": model, "form": form, "batch": arguments.batch, "torch": torch.__version__,
                              "device": torch.cuda.get_device_name(), "training_step_us": round(1e6 * train, 1),
                              "inference_us": round(1e6 * infer, 1)}), flush=True)
            del peer
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
