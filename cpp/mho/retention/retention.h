// What time does to devices: decay, drift and diffusion of the weight.
//
// Decay and drift pull a weight w to the reset value b of its device. In a time dt the distance w - b shrinks by
// exp(-dt / tau) (decay with the lifetime tau) and by (t_new / t_old)^-nu (drift), with t = max(age, t0) and the age of
// the weight counted from the last pulse or programming of the device. Both factors of two times in a row are those of
// their sum. Diffusion adds gaussian noise of variance rate^2 dt, or, where the weight decays, what the noise of the
// whole time leaves: rate^2 tau / 2 (1 - exp(-2 dt / tau)).
//
// Structural relaxation as a power law: Ielmini et al., IEEE Trans. Electron Devices 54:308 (2007). Decay against
// noise: Uhlenbeck and Ornstein, Phys. Rev. 36:823 (1930).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "mho/parameters.h"
#include "mho/random/device_draws.h"

namespace mho::retention {

// The arrays of the devices of one instance, in the padded layout of the kernels; null is an array that is not there.
struct Devices {
  random::DeviceElements elements;
  std::size_t stride = 0;
  float* weight = nullptr;   // the persistent one
  float* visible = nullptr;  // what a read sees where that differs; it moves by as much
  const float* w_max = nullptr;
  const float* w_min = nullptr;
  const float* reset_value = nullptr;
  const float* pulses_left = nullptr;
  // Those that Retention::plane_names tells.
  const float* lifetime = nullptr;
  const float* diffusion = nullptr;
  const float* drift_nu = nullptr;
  float* age = nullptr;
  // What they share.
  float reset = 0;           // where they have no reset values of their own
  float intervals = 0;       // between the states that a read can see; 0: it can see any weight
  bool write_noise = false;  // whether a visible weight has noise about its state
};

class Retention {
 public:
  // The section of the device.
  explicit Retention(Parameters p);

  // Names of the arrays that it needs, as members of Devices: those in which devices differ, and the age.
  [[nodiscard]] std::vector<const char*> plane_names() const;
  static constexpr std::size_t most_planes = 4;
  // Their values in the same order, for a block of devices.
  void construct(const random::Stream& stream, random::U32 elements, random::F32 (*values)[4]) const;

  // Lets time pass for the devices of four inputs.
  void elapse(const Devices& devices, std::size_t quad, double seconds, const random::PulseStream& noise) const;

 private:
  [[nodiscard]] bool drifts() const { return drift_nu_ != 0; }

  std::optional<double> lifetime_;  // s
  double lifetime_dtod_;
  double diffusion_;  // weight / sqrt(s)
  double diffusion_dtod_;
  double drift_nu_;
  double drift_nu_dtod_;
  double drift_nu_ctoc_;  // from call to call
  double drift_t0_;       // s
};

}  // namespace mho::retention
