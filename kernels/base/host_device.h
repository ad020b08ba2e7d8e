// Functions that host code and CUDA kernels both call.
#pragma once

#ifdef __CUDACC__
#define BRAGG_HOST_DEVICE __host__ __device__
#else
#define BRAGG_HOST_DEVICE
#endif
