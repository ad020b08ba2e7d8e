#!/usr/bin/env python3
"""PyTorch's training step and inference on a GPU, as JSON lines: the peers of `bench_training --device cuda`.

  published   nn.Conv1d, fp32 without TF32, eager, Adam: the paper's code
  eager_bf16  nn.Conv1d, bf16 autocast, eager, fused Adam
  strongest   nn.Conv2d on (N, C, 1, L), channels_last, bf16 autocast, model and loss through
              torch.compile(mode="max-autotune-no-cudagraphs"), fused capturable Adam, the whole step replayed as one
              CUDA graph; inference likewise, with weights rounded to bf16 once

The batch lies in memory already. A time is that of ten steps enqueued one after the other, by CUDA events, divided by
ten; the median of all tens. bench_training times in the same way.

  python pytorch_gpu_peer.py [--models npcnn scnn mlp] [--batches 256 1024] [--forms ...] [--seconds 1]

--device cpu runs the same code on a CPU, to see whether it runs: its figures are nobody's.
"""
import argparse
import copy
import json
import statistics
import sys
import time

import torch
from pytorch_peer import CLASSES, POINTS, make
from torch import nn

FORMS = ("published", "eager_bf16", "strongest")
GROUP = 10


class Peer:
    """One way to run a model; `train` and `infer` do a batch."""

    def __init__(self, model, form, batch, device):
        torch.manual_seed(1)
        strongest = form == "strongest"
        self.device, self.bf16 = device, form != "published"
        self.net = make(model, strongest).to(device)
        self.x = torch.rand(batch, POINTS, device=device).pow(8)
        if model != "mlp":
            self.x = self.x.view(batch, 1, 1, POINTS) if strongest else self.x.view(batch, 1, POINTS)
        if strongest and model != "mlp":
            self.net = self.net.to(memory_format=torch.channels_last)
            self.x = self.x.to(memory_format=torch.channels_last)
        self.y = torch.arange(batch, device=device) % CLASSES
        self.adam = torch.optim.Adam(self.net.parameters(), lr=1e-4, fused=self.bf16,
                                     capturable=strongest and device == "cuda")
        self.outputs, self.mean_loss, self.patterns = self.net, self.loss_of, self.x
        if strongest:
            answering = copy.deepcopy(self.net).eval().to(torch.bfloat16)
            self.patterns = self.x.to(torch.bfloat16)

            def compiled(function):
                return torch.compile(function, mode="max-autotune-no-cudagraphs", dynamic=False)
            self.outputs, self.mean_loss = compiled(answering), compiled(self.loss_of)
            if device == "cuda":
                self.train, self.infer = captured(self.train, self.net.train), captured(self.infer, self.net.eval)

    def autocast(self):
        return torch.autocast(self.device, torch.bfloat16, enabled=self.bf16)

    def loss_of(self, x, y):
        with self.autocast():
            logits = self.net(x)
        return nn.functional.cross_entropy(logits.float(), y)

    def train(self):
        self.net.train()
        self.adam.zero_grad(set_to_none=True)
        loss = self.mean_loss(self.x, self.y)
        loss.backward()
        self.adam.step()
        return loss

    def infer(self):
        self.net.eval()
        with torch.no_grad(), self.autocast():
            return self.outputs(self.patterns)


def captured(run, mode):
    """`run` as the replay of a graph, after the warm-up on a side stream that capturing asks for. Gradients that are
    None when the capture begins are written, not added to, by every replay."""
    mode()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(5):
            run()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run()

    def replay():
        graph.replay()
        return result
    return replay


def seconds_of(runs, device):
    if device == "cpu":
        begin = time.perf_counter()
        runs()
        return time.perf_counter() - begin
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    runs()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3


def median_s(run, seconds, device):
    def group():
        for _ in range(GROUP):
            run()

    group()
    times, total = [], 0.0
    while len(times) < 3 or total < seconds:
        times.append(seconds_of(group, device))
        total += times[-1]
    return statistics.median(times) / GROUP


def finite(result, what):
    if not torch.isfinite(result).all():
        raise RuntimeError(f"{what} is not finite")


def measure(model, form, batch, arguments):
    peer = Peer(model, form, batch, arguments.device)
    first = peer.train().item()
    train = median_s(peer.train, arguments.seconds, arguments.device)
    last = peer.train()
    finite(last, "the loss")
    infer = median_s(peer.infer, arguments.seconds, arguments.device)
    finite(peer.infer(), "an answer")
    on_gpu = arguments.device == "cuda"
    return {"model": model, "form": form, "batch": batch, "torch": torch.__version__,
            "device": torch.cuda.get_device_name() if on_gpu else "cpu",
            "parameters": sum(p.numel() for p in peer.net.parameters()), "training_step_us": round(1e6 * train, 1),
            "inference_us": round(1e6 * infer, 1), "first_loss": round(first, 3), "last_loss": round(last.item(), 3),
            "peak_bytes": torch.cuda.max_memory_allocated() if on_gpu else None}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["npcnn", "scnn", "mlp"])
    parser.add_argument("--batches", nargs="+", type=int, default=[256, 1024])
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    parser.add_argument("--seconds", type=float, default=1, help="per measurement")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    arguments = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    for batch in arguments.batches:
        for model in arguments.models:
            for form in arguments.forms:
                begin = time.perf_counter()
                torch._dynamo.reset()
                if arguments.device == "cuda":
                    torch.cuda.empty_cache()
                    torch.cuda.reset_peak_memory_stats()
                try:
                    line = measure(model, form, batch, arguments)
                except Exception as error:  # a form that this machine cannot run is no peer; say so
                    line = {"model": model, "form": form, "batch": batch, "error": str(error)[:500]}
                print(json.dumps(line), flush=True)
                print(f"{model} {form} {batch}: {time.perf_counter() - begin:.1f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
