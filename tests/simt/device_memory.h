// The memory of the emulated device. The host cannot touch it while no kernel and no copy runs: what it takes
// for host memory by mistake is a crash here as it is with a GPU. Under AddressSanitizer it is plain memory
// of exactly the size that was asked for instead, so that reads and writes beyond its end are found.
#pragma once

namespace simt {

/// Opens the device's memory for as long as it lives.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

}  // namespace simt
