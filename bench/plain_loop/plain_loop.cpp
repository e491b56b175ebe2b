// The yardstick: a pulsed update as one would write it down first. One device after the other, one time slot after the
// other, the random numbers of the standard library.
//
// plain_loop SIZE BATCH LR REPETITIONS: prints for each repetition the seconds of the processor and the gain, that is
// the mean update in units of the one that was asked for.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <vector>

namespace {

constexpr double dw_min = 0.001;
constexpr double spread = 0.3;  // from device to device
constexpr double noise = 0.3;   // from pulse to pulse
constexpr int longest_train = 31;

struct Device {
  float weight, up, down, w_max, w_min;
};

struct Line {
  std::vector<char> pulses;
  bool negative;
};

class Array {
 public:
  explicit Array(int size) : size_(size), generator_(1) {
    std::normal_distribution<float> xi;
    for (int i = 0; i < size * size; ++i) {
      const auto draw = [&](double mean) { return static_cast<float>(mean * (1 + spread * xi(generator_))); };
      devices_.push_back(
          {0, std::fabs(draw(dw_min)), std::fabs(draw(dw_min)), std::fabs(draw(0.6)), -std::fabs(draw(0.6))});
    }
  }

  void reset() {
    for (Device& device : devices_) device.weight = 0;
  }

  void update(const float* x, const float* d, double lr) {
    float x_max = 0;
    float d_max = 0;
    for (int j = 0; j < size_; ++j) {
      x_max = std::max(x_max, std::fabs(x[j]));
      d_max = std::max(d_max, std::fabs(d[j]));
    }
    const double largest = lr * x_max * d_max / dw_min;
    const int slots = std::min(static_cast<int>(std::ceil(largest)), longest_train);
    const double gain = std::sqrt(lr / (dw_min * slots));
    const double balance = std::sqrt(x_max / d_max);
    const std::vector<Line> columns = lines(x, gain / balance, slots);
    const std::vector<Line> rows = lines(d, gain * balance, slots);
    for (int i = 0; i < size_; ++i) {
      for (int j = 0; j < size_; ++j) {
        Device& device = devices_[i * size_ + j];
        const float step = rows[i].negative != columns[j].negative ? device.up : -device.down;
        for (int slot = 0; slot < slots; ++slot) {
          if (!rows[i].pulses[slot] || !columns[j].pulses[slot]) continue;
          device.weight += step * (1 + static_cast<float>(noise) * normal_(generator_));
          device.weight = std::min(std::max(device.weight, device.w_min), device.w_max);
        }
      }
    }
  }

  [[nodiscard]] double weight(int i, int j) const { return devices_[i * size_ + j].weight; }

 private:
  std::vector<Line> lines(const float* values, double gain, int slots) {
    std::uniform_real_distribution<float> uniform;
    std::vector<Line> result;
    for (int j = 0; j < size_; ++j) {
      Line line{std::vector<char>(slots), values[j] < 0};
      for (char& pulse : line.pulses) pulse = uniform(generator_) < gain * std::fabs(values[j]);
      result.push_back(line);
    }
    return result;
  }

  int size_;
  std::mt19937 generator_;
  std::normal_distribution<float> normal_;
  std::vector<Device> devices_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const int size = std::atoi(argv[1]);
  const int batch = std::atoi(argv[2]);
  const double lr = std::atof(argv[3]);
  std::mt19937 generator(2);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> x(size * batch);
  std::vector<float> d(size * batch);
  for (float& value : x) value = uniform(generator);
  for (float& value : d) value = uniform(generator);
  Array array(size);
  for (int repetition = 0; repetition < std::atoi(argv[4]); ++repetition) {
    array.reset();
    const std::clock_t start = std::clock();
    for (int s = 0; s < batch; ++s) array.update(x.data() + s * size, d.data() + s * size, lr);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    double along = 0;
    double square = 0;
    for (int i = 0; i < size; ++i) {
      for (int j = 0; j < size; ++j) {
        double wanted = 0;
        for (int s = 0; s < batch; ++s) wanted -= lr * d[s * size + i] * x[s * size + j];
        along += wanted * array.weight(i, j);
        square += wanted * wanted;
      }
    }
    std::printf("%.9f %.6f\n", seconds, along / square);
    std::fflush(stdout);
  }
}
