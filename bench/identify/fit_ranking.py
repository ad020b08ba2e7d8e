#!/usr/bin/env python3
"""Fits data/search/ranking_weights.cpp to figures of measured patterns, and says what cross-fitted weights get right.

    bragg evaluate --lookup rruff_dev.safetensors [--no-model] --figures dev.jsonl
    bench/identify/fit_ranking.py dev.jsonl [--write data/search/ranking_weights.cpp]

A line of the figures is a pattern: {"space_group", "group", "candidates": [[space_group, similarity, calculated,
root_cosine, misfit, explained, obliquity, refined_obliquity], ...], "network": [230 probabilities] or null}; the first line is
{"prior": [230 shares]}. The formulas are those of data/search/ranking.cpp. Patterns of a group stay on one side of every split.
Several files: groups of each are its own; a file is known by its name, whatever its folder.
"""
import argparse
import hashlib
import json
import os

import numpy as np

PAIRS = {78: 76, 95: 91, 96: 92, 145: 144, 153: 151, 154: 152, 170: 169, 172: 171, 179: 178, 181: 180, 213: 212}
SYSTEM_ENDS = np.array([2, 15, 74, 142, 167, 194, 230])
FOLDS = 10
FOLDINGS = 3  # which groups are a fold together moves what is right by half a percent: means are taken over so many choices
MERGED = np.array([PAIRS.get(g, g) - 1 for g in range(1, 231)])
SYSTEM = np.searchsorted(SYSTEM_ENDS, np.arange(1, 231))
LEAST = 1e-9


def closeness(similarity):
    return -np.log(1.02 - np.clip(similarity, 0, 1))


def merge_pairs(p):
    merged = np.zeros(230)
    np.add.at(merged, MERGED, p)
    return merged


# Features of a candidate: closeness of similarity and root cosine, -ln misfit, calculated, ln of its group's share, how much nearer
# its lattice came to one of a higher system.
SIMILARITY, ROOT_COSINE, MISFIT, CALCULATED, PRIOR, SYMMETRIC_CELL = range(6)
BY_CHANCE = np.array([closeness(0.6), closeness(0.65), -np.log(0.75), 0, np.log(1 / 230), 0])


class Patterns:
    """Many patterns as arrays, the candidates of each filled up to as many as any has."""

    def __init__(self, prior, lines, files):
        count = len(lines)
        most = max(1, max(len(line["candidates"]) for line in lines))
        self.prior = prior
        self.truth = np.array([MERGED[line["space_group"] - 1] for line in lines])
        self.groups = [(os.path.basename(file), line["group"]) for file, line in zip(files, lines)]
        self.unexplained = np.zeros((count, most))
        self.feature = np.zeros((count, most, 6))
        self.group = np.full((count, most), -1)
        self.log_network = None
        if all(line.get("network") is not None for line in lines):
            self.log_network = np.log(np.maximum([merge_pairs(line["network"]) for line in lines], LEAST))
        for n, line in enumerate(lines):
            if not line["candidates"]:
                continue
            c = np.array(line["candidates"], dtype=float)
            k = len(c)
            self.group[n, :k] = MERGED[c[:, 0].astype(int) - 1]
            self.feature[n, :k, SIMILARITY] = closeness(c[:, 1])
            self.feature[n, :k, ROOT_COSINE] = closeness(c[:, 3])
            self.feature[n, :k, MISFIT] = -np.log(np.maximum(c[:, 4], 1e-3))
            self.feature[n, :k, CALCULATED] = c[:, 2]
            self.feature[n, :k, SYMMETRIC_CELL] = np.maximum(0, np.log((c[:, 6] + 0.1) / (c[:, 7] + 0.1)))
            self.unexplained[n, :k] = np.log(0.02 + np.clip(1 - c[:, 5], 0, 1))
            self.feature[n, :k, PRIOR] = np.log(np.maximum(prior[self.group[n, :k]], LEAST))
        self.is_there = self.group >= 0
        self.best_closeness = np.where(self.is_there, self.feature[:, :, SIMILARITY], 0).max(1)

    def __len__(self):
        return len(self.truth)

    def some(self, index):
        part = object.__new__(Patterns)
        part.prior = self.prior
        part.groups = [self.groups[i] for i in index]
        for name in ("truth", "unexplained", "feature", "group", "is_there", "best_closeness"):
            setattr(part, name, getattr(self, name)[index])
        part.log_network = None if self.log_network is None else self.log_network[index]
        return part


# Weights: of the features | ln(sharing - 1) | how sure the library alone is: four of the logit, logit of others | the exponents | how
# sure it is beside a network | what a straightened lattice says beside one.
FEATURES, SHARING, SURE, EXPONENTS, BESIDE = np.arange(0, 6), 6, np.arange(7, 12), np.arange(12, 16), np.arange(16, 21)
STRAIGHTENED = 21
WITH_NETWORK = np.concatenate([BESIDE, EXPONENTS, [STRAIGHTENED]])
SCORE = np.append(FEATURES, SHARING)
START = np.array([3.6, 2.2, 3.1, -0.7, 0.2, 0.0, 0.0, 0, 1, 0.5, -1, 0.3, 0.8, 0.0, 0.2, 0.0])
SCALE = np.array([2.0, 1.0, 1.0, 0.5, 0.2, 1.0, 1.0, 2, 1, 0.5, 1, 1, 0.3, 0.2, 0.3, 0.2])
START, SCALE = (np.concatenate([of_all, of_all[SURE], last]) for of_all, last in ((START, [0.0]), (SCALE, [0.5])))


def scores(w, p):
    return np.where(p.is_there, p.feature @ w[FEATURES], -np.inf)


def shares(w, p):
    """Of the groups, by a power mean over their candidates; the share of one that is as like as any is by chance; the best one."""
    score = scores(w, p)
    best = score.argmax(1)
    highest = score[np.arange(len(p)), best]
    highest = np.where(np.isfinite(highest), highest, 0)
    sharing = 1 + np.exp(w[SHARING])
    raised = np.exp(np.maximum(sharing * (score - highest[:, None]), -700)) * p.is_there
    n, k = np.nonzero(p.is_there)
    groups = np.bincount(230 * n + p.group[n, k], raised[n, k], 230 * len(p)).reshape(len(p), 230) ** (1 / sharing)
    total = np.maximum(groups.sum(1), 1e-300)
    chance = np.exp(np.minimum(BY_CHANCE @ w[FEATURES] - highest, 700)) / total
    return groups / total[:, None], chance, best


def search_probabilities(w, p, sureness=SURE):
    groups, chance, best = shares(w, p)
    rows = np.arange(len(p))
    first_group = groups.argmax(1)
    ordered = np.partition(groups, -2, axis=1)
    first = ordered[:, -1] / (1 + chance)
    second = np.maximum(ordered[:, -2], chance) / (1 + chance)
    b = w[sureness]
    logit = (b[0] + b[1] * np.log(np.maximum(first, LEAST))
             + b[2] * np.log(np.maximum(first, LEAST) / np.maximum(second, 1e-6)) + b[3] * p.unexplained[rows, best])
    sure = np.clip(1 / (1 + np.exp(-np.clip(logit, -50, 50))), 0.02, 0.995)
    of_others = 1 / (1 + np.exp(-b[4]))
    rest = 1 - groups[rows, first_group]
    others = groups.copy()
    others[rows, first_group] = 0
    # With one group alone there is nobody else to share with.
    others = np.where(rest[:, None] > 0, others / np.maximum(rest, 1e-300)[:, None], p.prior)
    result = (1 - sure)[:, None] * (of_others * others + (1 - of_others) * p.prior)
    result[rows, first_group] += sure
    result[~p.is_there.any(1)] = p.prior
    return result / result.sum(1, keepdims=True)


def straightened_groups(w, p):
    """Of each group's likeliest candidate how much nearer its lattice came to one of a higher system."""
    score = scores(w, p)
    n, k = np.nonzero(p.is_there)
    ascending = np.argsort(score[n, k], kind="stable")  # of those that go to one place the last one stays
    n, k = n[ascending], k[ascending]
    result = np.zeros((len(p), 230))
    result[n, p.group[n, k]] = p.feature[n, k, SYMMETRIC_CELL]
    return result


def probabilities(w, p, with_network):
    if not with_network or p.log_network is None:
        return search_probabilities(w, p)
    search = search_probabilities(w, p, BESIDE)
    of_search, of_network = w[EXPONENTS[:2]], w[EXPONENTS[2:]]
    a = np.maximum(0, of_search[0] + of_search[1] * p.best_closeness)[:, None]
    b = np.maximum(0, of_network[0] + of_network[1] * p.best_closeness)[:, None]
    logs = a * np.log(np.maximum(search, LEAST)) + b * p.log_network + w[STRAIGHTENED] * straightened_groups(w, p)
    logs[:, MERGED != np.arange(230)] = -np.inf
    result = np.exp(logs - logs.max(1, keepdims=True))
    return result / result.sum(1, keepdims=True)


def loss(w, p, with_network):
    of_truth = probabilities(w, p, with_network)[np.arange(len(p)), p.truth]
    return -np.mean(np.log(np.maximum(of_truth, LEAST)))


def share_loss(w, p):
    """Conditional logit of the candidates alone, where the truth is among them."""
    of_truth = shares(w, p)[0][np.arange(len(p)), p.truth]
    return -np.mean(np.log(np.maximum(of_truth[of_truth > 0], LEAST)))


def minimise(function, w, free, count):
    """BFGS with differences of the function; `free`: which weights are fitted. A weak prior keeps what the data do not decide
    where it began."""
    def at(x):
        moved = w.copy()
        moved[free] += x * SCALE[free]
        return moved

    def value_at(x):
        away = (at(x)[free] - START[free]) / (3 * SCALE[free])
        return function(at(x)) + 0.5 / count * away @ away

    def gradient(x):
        step = 1e-4
        return np.array([(value_at(x + e) - value_at(x - e)) / (2 * step) for e in step * np.eye(len(x))])

    x = np.zeros(len(free))
    value, g, inverse = value_at(x), gradient(x), np.eye(len(x))
    for _ in range(80):
        direction = -inverse @ g
        if direction @ g >= 0:
            direction, inverse = -g, np.eye(len(x))
        length = 1.0
        while length > 1e-6 and not value_at(x + length * direction) < value + 1e-4 * length * (direction @ g):
            length /= 2
        if length <= 1e-6:
            break
        s = length * direction
        y = gradient(x + s) - g
        x, g = x + s, g + y
        fallen, value = value - value_at(x), value_at(x)
        if fallen < 1e-7:
            break
        if s @ y > 1e-12:
            rho, identity = 1 / (s @ y), np.eye(len(x))
            inverse = ((identity - rho * np.outer(s, y)) @ inverse @ (identity - rho * np.outer(y, s))
                       + rho * np.outer(s, s))
    return at(x)


def fit(p, with_network):
    """The candidates' shares first, then how sure they are alone, then how sure they are beside a network and how much either counts."""
    w = START.copy()
    w = minimise(lambda v: share_loss(v, p), w, SCORE, len(p))
    w = minimise(lambda v: loss(v, p, False), w, SURE, len(p))
    if with_network:
        w[BESIDE] = w[SURE]
        w = minimise(lambda v: loss(v, p, True), w, WITH_NETWORK, len(p))
    return w


def fold_of(group, folding):
    return int(hashlib.sha256(repr((folding, group)).encode()).hexdigest(), 16) % FOLDS


def cross_fitted(p, with_network, folding):
    """Probabilities without and with the network, of each fold by weights fitted to the others."""
    fold = np.array([fold_of(group, folding) for group in p.groups])
    search, both = np.zeros((len(p), 230)), np.zeros((len(p), 230))
    for f in range(FOLDS):
        own = np.flatnonzero(fold == f)
        if not len(own):
            continue
        w = fit(p.some(np.flatnonzero(fold != f)), with_network)
        search[own] = probabilities(w, p.some(own), False)
        both[own] = probabilities(w, p.some(own), with_network)
    return search, both


def calibration_error(confidence, right, bins=10):
    order = np.argsort(confidence, kind="stable")
    n = len(order)
    parts = [order[n * i // bins:n * (i + 1) // bins] for i in range(bins)]
    return sum(abs(np.sum(confidence[part]) - np.sum(right[part])) for part in parts) / n


def figures_of(p, answers):
    """Space group, system, first five, surer half (of 1); NLL, ECE and what it would be if calibrated, 5 and 95 % of chance; groups
    and systems right by the best similarity."""
    rows = np.arange(len(p))
    right = answers.argmax(1) == p.truth
    confidence = answers.max(1)
    systems = np.stack([answers[:, SYSTEM == s].sum(1) for s in range(7)], 1)
    system_right = systems.argmax(1) == SYSTEM[p.truth]
    of_truth = answers[rows, p.truth]
    top5 = (answers > of_truth[:, None]).sum(1) < 5
    surer = np.argsort(-confidence, kind="stable")[:(len(right) + 1) // 2]
    rng = np.random.default_rng(1)
    chance = [calibration_error(confidence, rng.random(len(right)) < confidence) for _ in range(500)]
    of_parts = [x[part].mean() for part in parts_of(p).values() for x in (right, system_right)]
    return np.array([right.mean(), system_right.mean(), top5.mean(), right[surer].mean(),
                     -np.mean(np.log(np.maximum(of_truth, LEAST))), calibration_error(confidence, right),
                     *np.percentile(chance, [5, 95]), *of_parts])


def parts_of(p):
    """Which patterns are within bounds of the best similarity."""
    similarity = 1.02 - np.exp(-p.best_closeness)
    parts = {(low, high): (similarity >= low) & (similarity < high) for low, high in ((0, 0.7), (0.7, 0.8), (0.8, 1.01))}
    return {bounds: part for bounds, part in parts.items() if part.any()}


def report(name, p, foldings):
    """Means over the answers of several foldings."""
    each = np.array([figures_of(p, answers) for answers in foldings])
    group, system, top5, surer, nll, error, low, high = each.mean(0)[:8]
    print(f"{name}: {len(p)} patterns, space group {100 * group:.1f} %, system {100 * system:.1f} %, "
          f"top 5 {100 * top5:.1f} %, surer half {100 * surer:.1f} %, "
          f"NLL {nll:.3f}, ECE {error:.3f} (calibrated: {low:.3f}..{high:.3f})")
    if len(each) > 1:
        print("    of each folding, group / system: " + ", ".join(f"{100 * f[0]:.1f} / {100 * f[1]:.1f} %" for f in each))
    for ((low, high), part), group, system in zip(parts_of(p).items(), each.mean(0)[8::2], each.mean(0)[9::2]):
        print(f"    best similarity {low:.1f}..{min(high, 1):.1f}: {part.sum()} patterns, space group "
              f"{100 * group:.1f} %, system {100 * system:.1f} %")


def write(path, w, comment):
    numbers = lambda part: ", ".join(f"{x:.5g}" for x in part)
    sureness = lambda part: f"{{.logit = {{{numbers(w[part[:4]])}}}, .others = {1 / (1 + np.exp(-w[part[4]])):.5g}}}"
    with open(path, "w", encoding="utf-8") as out:
        out.write(f"""// Written by bench/identify/fit_ranking.py from measured patterns whose answer is known ({comment}).
#include "data/search/ranking.h"

namespace bragg::data {{

const RankingWeights& ranking_weights() {{
  static constexpr RankingWeights weights{{
      .similarity = {w[SIMILARITY]:.5g},
      .root_cosine = {w[ROOT_COSINE]:.5g},
      .misfit = {w[MISFIT]:.5g},
      .symmetric_cell = {w[SYMMETRIC_CELL]:.5g},
      .calculated = {w[CALCULATED]:.5g},
      .prior = {w[PRIOR]:.5g},
      .sharing = {1 + np.exp(w[SHARING]):.5g},
      .alone = {sureness(SURE)},
      .beside_network = {sureness(BESIDE)},
      .search_exponent = {{{numbers(w[EXPONENTS[:2]])}}},
      .network_exponent = {{{numbers(w[EXPONENTS[2:]])}}},
      .symmetric_cell_beside = {w[STRAIGHTENED]:.5g}}};
  return weights;
}}

}}  // namespace bragg::data
""")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("figures", nargs="+")
    arguments.add_argument("--write", help="where the weights go that are fitted to all patterns")
    options = arguments.parse_args()
    lines, files, prior = [], [], None
    for file in options.figures:
        with open(file, encoding="utf-8") as text:
            own = merge_pairs(json.loads(next(text))["prior"])
            assert prior is None or np.allclose(prior, own), f"{file}: figures of another library"
            prior = own
            lines += [json.loads(line) for line in text]
        files += [file] * (len(lines) - len(files))
    patterns = Patterns(prior / prior.sum(), lines, files)
    with_network = patterns.log_network is not None
    answers = [cross_fitted(patterns, with_network, folding) for folding in range(FOLDINGS)]
    report("look-up, cross-fitted", patterns, [search for search, _ in answers])
    if with_network:
        network = np.exp(patterns.log_network)
        report("network alone", patterns, [network / network.sum(1, keepdims=True)])
        report("both, cross-fitted", patterns, [both for _, both in answers])
    w = fit(patterns, with_network)
    report("fitted to these", patterns, [probabilities(w, patterns, with_network)])
    if options.write:
        write(options.write, w, f"{len(patterns)} patterns" + ("" if with_network else ", no network"))


if __name__ == "__main__":
    main()
