#include "data/refinement/lattice_forms.h"

#include <algorithm>
#include <cmath>

namespace bragg::data {
namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

constexpr int tensor_elements = 6;
/// Places of a tensor's elements.
constexpr int row_of[tensor_elements] = {0, 1, 2, 1, 0, 0}, column_of[tensor_elements] = {0, 1, 2, 2, 2, 1};

Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 3; ++k)
        c[i][j] += a[i][k] * b[k][j];
  return c;
}

Matrix transposed(const Matrix& a) {
  Matrix t{};
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      t[i][j] = a[j][i];
  return t;
}

/// Lower triangular L with L L^T the metric: h L is the reciprocal vector in the frame.
Matrix frame_of(const ReciprocalMetric& g) {
  Matrix l{};
  l[0][0] = std::sqrt(g[0]);
  l[1][0] = g[5] / 2 / l[0][0];
  l[2][0] = g[4] / 2 / l[0][0];
  l[1][1] = std::sqrt(g[1] - l[1][0] * l[1][0]);
  l[2][1] = (g[3] / 2 - l[2][0] * l[1][0]) / l[1][1];
  l[2][2] = std::sqrt(g[2] - l[2][0] * l[2][0] - l[2][1] * l[2][1]);
  return l;
}

Matrix inverse_of(const Matrix& l) {
  Matrix r{};
  for (std::size_t i = 0; i < 3; ++i)
    r[i][i] = 1 / l[i][i];
  r[1][0] = -l[1][0] * r[0][0] * r[1][1];
  r[2][1] = -l[2][1] * r[1][1] * r[2][2];
  r[2][0] = -(l[2][0] * r[0][0] + l[2][1] * r[1][0]) * r[2][2];
  return r;
}

Matrix matrix_of(const SymmetricTensor& t) {
  return {{{t[0], t[5], t[4]}, {t[5], t[1], t[3]}, {t[4], t[3], t[2]}}};
}

SymmetricTensor tensor_of(const Matrix& m) {
  SymmetricTensor t{};
  for (std::size_t e = 0; e < tensor_elements; ++e)
    t[e] = m[static_cast<std::size_t>(row_of[e])][static_cast<std::size_t>(column_of[e])];
  return t;
}

double scalar_product(const SymmetricTensor& a, const SymmetricTensor& b) {
  double sum = 0;
  for (std::size_t e = 0; e < tensor_elements; ++e)
    sum += (e < 3 ? 1 : 2) * a[e] * b[e];
  return sum;
}

/// The mean of a tensor's images under the rotations, which act on hkl: h -> h R.
SymmetricTensor averaged(const SymmetricTensor& tensor, const Matrix& frame, const Matrix& inverse,
                         const LaueRotations& laue) {
  const Matrix on_hkl = product(product(frame, matrix_of(tensor)), transposed(frame));
  Matrix sum{};
  for (std::size_t n = 0; n < laue.count; ++n) {
    Matrix rotation{};
    for (std::size_t i = 0; i < 9; ++i)
      rotation[i / 3][i % 3] = laue.rotation[n][i];
    const Matrix image = product(product(rotation, on_hkl), transposed(rotation));
    for (std::size_t i = 0; i < 9; ++i)
      sum[i / 3][i % 3] += image[i / 3][i % 3] / laue.count;
  }
  return tensor_of(product(product(inverse, sum), transposed(inverse)));
}

QuadraticForm form_of_tensor(const SymmetricTensor& tensor, const Matrix& frame, double factor) {
  const SymmetricTensor on_hkl = tensor_of(product(product(frame, matrix_of(tensor)), transposed(frame)));
  QuadraticForm form{};
  for (std::size_t e = 0; e < tensor_elements; ++e)
    form[e] = static_cast<float>(factor * (e < 3 ? 1 : 2) * on_hkl[e]);
  // What symmetry makes zero is zero, so that right angles stay right.
  const float largest = std::abs(*std::max_element(
      form.begin(), form.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
  for (float& element : form)
    if (std::abs(element) < 1e-6f * largest) element = 0;
  return form;
}

}  // namespace

LatticeForms lattice_forms(const ReciprocalMetric& metric, const LaueRotations& laue) {
  constexpr double length2 = 3;  // of the identity
  constexpr double same = 1e-6;  // of length2: what is left of a tensor that others make up
  const Matrix frame = frame_of(metric), inverse = inverse_of(frame);
  LatticeForms forms;
  forms.tensors.push_back({1, 1, 1, 0, 0, 0});
  for (std::size_t e = 0; e < tensor_elements; ++e) {
    // From the last axis on: in uniaxial lattices it is the one that is alone.
    constexpr std::size_t order[tensor_elements] = {2, 0, 1, 4, 3, 5};
    SymmetricTensor unit{};
    unit[order[e]] = 1;
    SymmetricTensor tensor = averaged(unit, frame, inverse, laue);
    for (const SymmetricTensor& known : forms.tensors) {
      const double part = scalar_product(tensor, known) / length2;
      for (std::size_t i = 0; i < tensor_elements; ++i)
        tensor[i] -= part * known[i];
    }
    const double rest = scalar_product(tensor, tensor);
    if (rest < same * length2) continue;
    for (double& element : tensor)
      element *= std::sqrt(length2 / rest);
    forms.tensors.push_back(tensor);
  }
  for (const SymmetricTensor& tensor : forms.tensors)
    forms.strain.push_back(form_of_tensor(tensor, frame, -2));
  for (std::size_t i = 1; i < forms.tensors.size(); ++i)
    forms.texture.push_back(form_of_tensor(forms.tensors[i], frame, std::sqrt(0.5)));
  return forms;
}

ReciprocalMetric strained(const ReciprocalMetric& metric, const RefinedStructure& structure,
                          const float* strains) {
  ReciprocalMetric result = metric;
  for (int j = 0; j < structure.strains; ++j)
    for (std::size_t e = 0; e < tensor_elements; ++e)
      result[e] += double{strains[j]} * double{structure.strain[j][e]};
  return result;
}

}  // namespace bragg::data
