// The voltage that is lost along the wires of a crossbar: a quadratic approximation, Rasch et al., arXiv 1906.02698
// (2019). A line with the devices w_j and inputs x_j, j < n, loses of its current sum_j w_j x_j
//
//   c (sum_j w_j x_j p_j),  p_j = 1 - (1 - j / n)^2,  c = a (a (0.05 a - 0.2) + 0.5),  a = n / g_ratio sum_j |w_j x_j|.
#pragma once

#include <cstddef>

#include "mho/aligned.h"
#include "mho/periphery/gemm.h"
#include "mho/simd/simd.h"

namespace mho::periphery {

// p_j: how much of its wire the current of input j passes.
AlignedVector<float> wire_passed(std::size_t inputs);

// For some vectors the sums of a panel of output lines, a row for each vector.
struct IrDropSums {
  float* current;              // of w x
  std::size_t current_stride;  // from one row to the next
  float* absolute;             // of |w x|; rows follow each other without a gap
  float* passed;               // of w x p
};

// Whether all three are computed by one loop. Where registers are too few for that, three products are as fast.
inline constexpr bool ir_drop_at_once = simd::parts == 1;

// x: vectors x inputs, w: inputs x outputs. Each sum has one order, whatever else is in x and w.
void sum_with_ir_drop(const MatrixView& x, const MatrixView& w, const IrDropSums& sums);

// Takes what is lost from the currents of so many lines. density: n / g_ratio; strength: 1, or how much of it counts.
void lose_ir_drop(float density, float strength, const float* absolute, const float* passed, std::size_t lines,
                  float* current);

}  // namespace mho::periphery
