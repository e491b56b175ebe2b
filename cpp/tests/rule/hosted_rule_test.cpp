#include "mho/rule/hosted_rule.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "support.h"

namespace mho::rule {
namespace {

using tests::error_of;
using tests::expect_contains;

// A rule with a fast array and a buffer, on two instances.
struct Hosted {
  static constexpr std::size_t out = 6, in = 20;
  std::unique_ptr<array::Array> main;
  std::unique_ptr<Rule> rule;
  HostedRule* hosted = nullptr;

  explicit Hosted(double gamma = 0, const std::string& device = "SoftBounds")
      : main(tests::make_array(tests::device(device), {out, in, 2}, {1, 2})) {
    const auto io = [] { return tests::io({{"is_perfect", true}}); };
    Parameters parameters(
        "rule",
        {{"type", "Hosted"},
         {"line_io", std::vector<Parameters>{io()}},
         {"arrays", std::vector<Parameters>{{"array",
                                             {{"name", "fast"},
                                              {"gamma", gamma},
                                              {"device", std::vector<Parameters>{tests::device(device)}},
                                              {"forward_io", std::vector<Parameters>{io()}},
                                              {"backward_io", std::vector<Parameters>{io()}},
                                              {"line_io", std::vector<Parameters>{io()}}}}}},
         {"buffers", std::vector<Parameters>{
                         {"buffer", {{"name", "H"}, {"rows", "3"}, {"columns", "in_features"}, {"start", 2.0}}}}}});
    rule = make_rule(parameters, *main, tests::update_parameters(), 1);
    hosted = dynamic_cast<HostedRule*>(rule.get());
  }
  void train(std::size_t samples) {
    const auto x = tests::random_values(samples * in, 91);
    const auto d = tests::random_values(samples * out, 92);
    rule->update({x.data(), samples, in, false}, {d.data(), samples, out, false}, 0.1, 1);
  }
};

TEST(HostedRule, ReadsLinesOnTheWayAsTheyAre) {
  Hosted all;
  Hosted parts;
  constexpr std::size_t samples = 9;
  std::vector<float> values(2 * Hosted::out);
  const std::vector<HostedRule::LineRead> reads{{4, 7}};
  all.hosted->set_host([&](const array::Batch& x, const array::Batch& d, double lr) {
    all.hosted->pulse(1, x, d, {&lr}, nullptr, HostedRule::Line::column, reads, values.data(), 1);
  });
  all.train(samples);
  const auto x = tests::random_values(samples * Hosted::in, 91);
  const auto d = tests::random_values(samples * Hosted::out, 92);
  std::vector<float> seen(2 * Hosted::out);
  const double lr = 0.1;
  parts.hosted->pulse(1, {x.data(), 5, Hosted::in, false}, {d.data(), 5, Hosted::out, false}, {&lr}, nullptr,
                      HostedRule::Line::column, {}, nullptr, 1);
  parts.hosted->read_lines(1, HostedRule::Line::column, std::vector<std::size_t>{7}, seen.data(), 1);
  EXPECT_EQ(values, seen);
  EXPECT_NE(values, std::vector<float>(2 * Hosted::out));
  EXPECT_EQ(all.hosted->samples(), samples);
}

TEST(HostedRule, IsHalfUpdatedWhenItFailsAfterAChange) {
  Hosted tile;
  bool late = false;
  tile.hosted->set_host([&](const array::Batch& x, const array::Batch& d, double lr) {
    if (late) tile.hosted->pulse(0, x, d, {&lr}, nullptr, HostedRule::Line::column, {}, nullptr, 1);
    throw std::domain_error("mine");
  });
  EXPECT_THROW(tile.train(3), std::domain_error);
  EXPECT_THROW(tile.train(3), std::domain_error);
  late = true;
  EXPECT_THROW(tile.train(3), std::domain_error);
  expect_contains(error_of([&] { tile.train(3); }, ErrorKind::runtime), "has failed halfway");
  // The mark is a part of the counters.
  Hosted other;
  other.hosted->set_host([](const auto&, const auto&, double) {});
  other.rule->set_counters(tile.rule->counters());
  expect_contains(error_of([&] { other.train(3); }, ErrorKind::runtime), "has failed halfway");
  other.rule->rest();
  other.train(3);
  EXPECT_EQ(other.hosted->samples(), 3U);
}

TEST(HostedRule, ComesToRest) {
  Hosted tile(0.5);
  tile.hosted->set_host([&](const array::Batch& x, const array::Batch& d, double lr) {
    tile.hosted->pulse(1, x, d, {&lr}, nullptr, HostedRule::Line::row, {}, nullptr, 1);
    for (float& value : tile.hosted->buffer("H")->values) value = 7;
  });
  ASSERT_EQ(tile.rule->buffers().size(), 1U);
  Buffer& buffer = *tile.rule->buffers()[0];
  EXPECT_EQ(buffer.values, std::vector<float>(2 * 3 * Hosted::in, 2.0F));
  tile.train(5);
  EXPECT_EQ(buffer.values, std::vector<float>(2 * 3 * Hosted::in, 7.0F));
  const float* own = tile.rule->arrays()[0].array->crosspoints().visible(1);
  bool moved = false;
  for (std::size_t at = 0; at < tile.main->shape().plane(); ++at) {
    EXPECT_EQ(tile.rule->visible(1)[at], 0.5F * own[at]);
    moved = moved || own[at] != 0;
  }
  EXPECT_TRUE(moved);
  tile.rule->rest();
  EXPECT_EQ(buffer.values, std::vector<float>(2 * 3 * Hosted::in, 2.0F));
  EXPECT_EQ(tile.rule->visible(1)[0], 0.0F);
}

TEST(HostedRule, GivesEachDeviceItsPulses) {
  Hosted tile;
  std::vector<float> counts(Hosted::out * Hosted::in);
  counts[0] = 3;
  counts[Hosted::in + 1] = -2;
  tile.hosted->pulse_by_count(0, counts.data(), false, false, 1);
  const auto pulses = tests::pulses_of(*tile.main);
  EXPECT_EQ(pulses.up, 3U);
  EXPECT_EQ(pulses.down, 2U);
  EXPECT_EQ(tile.main->steps().update, 1U);
  counts[5] = 0.5F;
  expect_contains(error_of([&] { tile.hosted->pulse_by_count(0, counts.data(), false, false, 1); }), "must be whole");
  EXPECT_EQ(tile.main->steps().update, 1U);
}

TEST(HostedRule, NamesWhatItHas) {
  Hosted tile;
  EXPECT_EQ(tile.hosted->find("main"), 0U);
  EXPECT_EQ(tile.hosted->find("fast"), 1U);
  expect_contains(error_of([&] { (void)tile.hosted->find("slow"); }), "it has main, fast");
  expect_contains(error_of([&] { (void)tile.hosted->buffer("G"); }), "it has H");
  expect_contains(error_of([&] { tile.train(1); }, ErrorKind::runtime), "needs its host");
}

}  // namespace
}  // namespace mho::rule
