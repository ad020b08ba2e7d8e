// The declarations of all ops: for those who run every one, the backends.
#pragma once

#include "kernels/ops/adam.h"
#include "kernels/ops/add.h"
#include "kernels/ops/avg_pool1d.h"
#include "kernels/ops/batch_norm.h"
#include "kernels/ops/conv1d.h"
#include "kernels/ops/conv1d_pool.h"
#include "kernels/ops/dense.h"
#include "kernels/ops/draw_views.h"
#include "kernels/ops/ema.h"
#include "kernels/ops/huber_loss.h"
#include "kernels/ops/match_views.h"
#include "kernels/ops/norm.h"
#include "kernels/ops/render_patterns.h"
#include "kernels/ops/rows.h"
#include "kernels/ops/sample_patterns.h"
#include "kernels/ops/softmax_cross_entropy.h"
