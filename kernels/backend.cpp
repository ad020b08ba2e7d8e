// The checks of every call, once for all backends; make_backend is in device.cpp.
#include "kernels/backend.h"
