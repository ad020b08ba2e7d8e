// The intrinsics, without GCC's warnings about its own header. Only for files of isa/.
#pragma once

// GCC 12's AVX-512 header leaves its "undefined" operands uninitialised on purpose and then warns about it
// (GCC PR 105593).
#pragma GCC diagnostic push
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
