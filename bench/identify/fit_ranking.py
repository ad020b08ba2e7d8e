#!/usr/bin/env python3
"""Fits data/search/ranking_weights.cpp to figures of measured patterns, and says what cross-fitted weights get right.

    bragg evaluate --lookup [MODEL] rruff_dev.safetensors --figures dev.jsonl
    bench/identify/fit_ranking.py dev.jsonl [--write data/search/ranking_weights.cpp]

A line of the figures is a pattern: {"space_group", "group", "unexplained", "candidates": [[space_group, similarity,
calculated], ...], "network": [230 probabilities] or null}; the first line is {"prior": [230 shares]}. The formulas are those
of data/search/ranking.cpp. Patterns of a group stay on one side of every split. Several files: groups of each are its own; a file is
known by its name, whatever its folder.
"""
import argparse
import hashlib
import json
import os

import numpy as np

PAIRS = {78: 76, 95: 91, 96: 92, 145: 144, 153: 151, 154: 152, 170: 169, 172: 171, 179: 178, 181: 180, 213: 212}
SYSTEM_ENDS = [2, 15, 74, 142, 167, 194, 230]
FOLDS = 10


def merged(group):
    return PAIRS.get(group, group)


def system(group):
    return next(i for i, end in enumerate(SYSTEM_ENDS) if group <= end)


def closeness(similarity):
    return -np.log(1.02 - np.clip(similarity, 0, 1))


def merge_pairs(p):
    p = np.array(p, dtype=float)
    for upper, lower in PAIRS.items():
        p[lower - 1] += p[upper - 1]
        p[upper - 1] = 0
    return p


class Pattern:
    def __init__(self, line, file, prior):
        self.truth = merged(line["space_group"])
        self.plain_truth = line["space_group"]
        self.group = (os.path.basename(file), line["group"])
        self.prior = prior
        candidates = np.array(line["candidates"], dtype=float).reshape(-1, 3)
        groups = np.array([merged(int(g)) for g in candidates[:, 0]], dtype=int)
        self.groups, self.member = np.unique(groups, return_inverse=True)
        self.closeness = closeness(candidates[:, 1])
        self.calculated = candidates[:, 2]
        self.log_prior = np.log(np.maximum(prior[groups - 1], 1e-9))
        self.best = self.closeness.max() if len(candidates) else 0.0
        self.similarity = candidates[:, 1].max() if len(candidates) else 0.0
        self.unexplained = np.log(0.02 + line["unexplained"])
        network = line.get("network")
        self.log_network = None if network is None else np.log(np.maximum(merge_pairs(network), 1e-9))


LOWER = np.array([merged(g) == g for g in range(1, 231)])


def search_probabilities(w, pattern):
    """w: similarity, calculated, ln(sharing - 1), prior, five of the confidence, logit of others, the exponents."""
    if not len(pattern.closeness):
        return pattern.prior.copy()
    sharing = 1 + np.exp(w[2])
    score = w[0] * pattern.closeness + w[1] * pattern.calculated + w[3] * pattern.log_prior
    shares = np.zeros(len(pattern.groups))
    np.add.at(shares, pattern.member, np.exp(sharing * (score - score.max())))
    shares = shares ** (1 / sharing)
    total = shares.sum()
    shares /= total
    best = shares.argmax()
    # A structure that is as like as any is by chance stands beside the groups.
    chance = np.exp(w[0] * closeness(0.6) + w[3] * np.log(1 / 230) - score.max()) / total
    first = shares[best] / (1 + chance)
    second = max(np.delete(shares, best).max() if len(shares) > 1 else 0.0, chance) / (1 + chance)
    logit = (w[4] + w[5] * pattern.best + w[6] * np.log(first) + w[7] * np.log(first / max(second, 1e-6))
             + w[8] * pattern.unexplained)
    sure = np.clip(1 / (1 + np.exp(-logit)), 0.02, 0.995)
    others = 1 / (1 + np.exp(-w[9]))
    rest = 1 - shares[best]
    p = (1 - sure) * (1 - others) * pattern.prior
    if rest > 0:
        other = shares / rest
        other[best] = 0
        p[pattern.groups - 1] += (1 - sure) * others * other
    else:
        p += (1 - sure) * others * pattern.prior
    p[pattern.groups[best] - 1] += sure
    return p / p.sum()


def probabilities(w, pattern, with_network):
    p = search_probabilities(w, pattern)
    if not with_network or pattern.log_network is None:
        return p
    a = max(0.0, w[10] + w[11] * pattern.best)
    b = max(0.0, w[12] + w[13] * pattern.best)
    logs = np.where(LOWER, a * np.log(np.maximum(p, 1e-9)) + b * pattern.log_network, -np.inf)
    q = np.exp(logs - logs.max())
    return q / q.sum()


START = np.array([8.5, -0.2, 0.0, 0.2, 0.0, 1.0, 1.0, 0.3, -0.5, 0.8, 1.0, 0.0, 0.8, -0.3])
SCALE = np.array([3.0, 0.5, 1.0, 0.2, 1.0, 0.7, 1.0, 0.4, 0.5, 1.0, 0.3, 0.2, 0.3, 0.2])


def loss(w, patterns, with_network):
    nll = -sum(np.log(max(probabilities(w, p, with_network)[p.truth - 1], 1e-9)) for p in patterns) / len(patterns)
    # A weak prior keeps what the data do not decide where it began.
    return nll + 0.5 / len(patterns) * np.sum(((w - START) / (3 * SCALE)) ** 2)


def share_loss(w, patterns):
    """Conditional logit of the candidates alone, where the truth is among them."""
    total = 0.0
    count = 0
    sharing = 1 + np.exp(w[2])
    for p in patterns:
        where = np.flatnonzero(p.groups == p.truth)
        if not len(where):
            continue
        score = w[0] * p.closeness + w[1] * p.calculated + w[3] * p.log_prior
        shares = np.zeros(len(p.groups))
        np.add.at(shares, p.member, np.exp(sharing * (score - score.max())))
        shares = shares ** (1 / sharing)
        total -= np.log(max(shares[where[0]] / shares.sum(), 1e-9))
        count += 1
    return total / count + 0.5 / count * np.sum(((w[:4] - START[:4]) / (3 * SCALE[:4])) ** 2)


def minimise(function, start, scale, free):
    """BFGS with differences of the function; `free`: which numbers are fitted."""
    index = np.flatnonzero(free)

    def at(x):
        w = start.copy()
        w[index] += x * scale[index]
        return w

    def gradient(x):
        step = 1e-4
        g = np.zeros(len(x))
        for i in range(len(x)):
            e = np.zeros(len(x))
            e[i] = step
            g[i] = (function(at(x + e)) - function(at(x - e))) / (2 * step)
        return g

    x = np.zeros(len(index))
    value, g, inverse = function(at(x)), gradient(x), np.eye(len(x))
    for _ in range(60):
        direction = -inverse @ g
        if direction @ g >= 0:
            direction, inverse = -g, np.eye(len(x))
        length = 1.0
        while length > 1e-6:
            new = function(at(x + length * direction))
            if new < value + 1e-4 * length * (direction @ g):
                break
            length /= 2
        else:
            break
        s = length * direction
        new_gradient = gradient(x + s)
        y = new_gradient - g
        x, g = x + s, new_gradient
        if value - new < 1e-7:
            value = new
            break
        value = new
        if s @ y > 1e-12:
            rho = 1 / (s @ y)
            i = np.eye(len(x))
            inverse = (i - rho * np.outer(s, y)) @ inverse @ (i - rho * np.outer(y, s)) + rho * np.outer(s, s)
    return at(x)


def fit(patterns, with_network):
    """The candidates' shares first, then how sure they are, then what a network adds."""
    w = START.copy()
    w = minimise(lambda v: share_loss(v, patterns), w, SCALE, np.arange(14) < 4)
    middle = (np.arange(14) >= 4) & (np.arange(14) < 10)
    w = minimise(lambda v: loss(v, patterns, False), w, SCALE, middle)
    if with_network:
        w = minimise(lambda v: loss(v, patterns, True), w, SCALE, np.arange(14) >= 10)
    return w


def fold_of(group):
    return int(hashlib.sha256(repr(group).encode()).hexdigest(), 16) % FOLDS


def cross_fitted(patterns, with_network):
    result = [None] * len(patterns)
    for fold in range(FOLDS):
        w = fit([p for p in patterns if fold_of(p.group) != fold], with_network)
        for i, p in enumerate(patterns):
            if fold_of(p.group) == fold:
                result[i] = probabilities(w, p, with_network)
    return result


def calibration_error(confidence, right, bins=10):
    order = np.argsort(confidence, kind="stable")
    n = len(order)
    parts = [order[n * i // bins:n * (i + 1) // bins] for i in range(bins)]
    return sum(abs(np.sum(confidence[part]) - np.sum(right[part])) for part in parts) / n


def report(name, patterns, answers):
    best = np.array([a.argmax() + 1 for a in answers])
    truth = np.array([p.truth for p in patterns])
    right = best == truth
    confidence = np.array([a.max() for a in answers])
    systems = np.array([np.bincount([system(g) for g in range(1, 231)], weights=a, minlength=7).argmax() for a in answers])
    system_right = systems == np.array([system(t) for t in truth])
    top5 = np.array([t - 1 in np.argsort(-a)[:5] for a, t in zip(answers, truth)])
    nll = -np.mean([np.log(max(a[t - 1], 1e-9)) for a, t in zip(answers, truth)])
    surer = np.argsort(-confidence, kind="stable")[:(len(right) + 1) // 2]
    ece = calibration_error(confidence, right)
    rng = np.random.default_rng(1)
    chance = [calibration_error(confidence, rng.random(len(right)) < confidence) for _ in range(500)]
    low, high = np.percentile(chance, [5, 95])
    print(f"{name}: {len(right)} patterns, space group {100 * right.mean():.1f} %, system {100 * system_right.mean():.1f} %, "
          f"top 5 {100 * top5.mean():.1f} %, surer half {100 * right[surer].mean():.1f} %, NLL {nll:.3f}, "
          f"ECE {ece:.3f} (calibrated: {low:.3f}..{high:.3f})")
    similarity = np.array([p.similarity for p in patterns])
    for low, high in ((0, 0.7), (0.7, 0.8), (0.8, 1.01)):
        part = (similarity >= low) & (similarity < high)
        if part.any():
            print(f"    best similarity {low:.1f}..{min(high, 1):.1f}: {part.sum()} patterns, space group "
                  f"{100 * right[part].mean():.1f} %, system {100 * system_right[part].mean():.1f} %")


def write(path, w, command):
    others = 1 / (1 + np.exp(-w[9]))
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"""// Written by bench/identify/fit_ranking.py from measured patterns whose answer is known ({command}).
#include "data/search/ranking.h"

namespace bragg::data {{

const RankingWeights& ranking_weights() {{
  static constexpr RankingWeights weights{{.similarity = {w[0]:.5g},
                                          .calculated = {w[1]:.5g},
                                          .prior = {w[3]:.5g},
                                          .sharing = {1 + np.exp(w[2]):.5g},
                                          .confidence = {{{w[4]:.5g}, {w[5]:.5g}, {w[6]:.5g}, {w[7]:.5g}, {w[8]:.5g}}},
                                          .others = {others:.5g},
                                          .search_exponent = {{{w[10]:.5g}, {w[11]:.5g}}},
                                          .network_exponent = {{{w[12]:.5g}, {w[13]:.5g}}}}};
  return weights;
}}

}}  // namespace bragg::data
""")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("figures", nargs="+")
    arguments.add_argument("--write", help="where the weights go that are fitted to all patterns")
    options = arguments.parse_args()
    patterns = []
    for file in options.figures:
        with open(file, encoding="utf-8") as lines:
            prior = merge_pairs(json.loads(next(lines))["prior"])
            patterns += [Pattern(json.loads(line), file, prior / prior.sum()) for line in lines]
    with_network = all(p.log_network is not None for p in patterns)
    report("look-up, cross-fitted", patterns, cross_fitted(patterns, False))
    if with_network:
        report("network alone", patterns, [np.exp(p.log_network) / np.exp(p.log_network).sum() for p in patterns])
        report("both, cross-fitted", patterns, cross_fitted(patterns, True))
    w = fit(patterns, with_network)
    report("fitted to these", patterns, [probabilities(w, p, with_network) for p in patterns])
    if options.write:
        write(options.write, w, f"{len(patterns)} patterns" + ("" if with_network else ", no network"))


if __name__ == "__main__":
    main()
