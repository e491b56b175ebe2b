#include "mho/rule/rule.h"

#include "mho/error.h"
#include "mho/rule/agad.h"
#include "mho/rule/chopped_tiki_taka2.h"
#include "mho/rule/erider.h"
#include "mho/rule/hosted_rule.h"
#include "mho/rule/mixed_precision.h"
#include "mho/rule/residual_learning.h"
#include "mho/rule/rider.h"
#include "mho/rule/sgd.h"
#include "mho/rule/sign_update.h"
#include "mho/rule/streaming_batch.h"
#include "mho/rule/tiki_taka.h"
#include "mho/rule/tiki_taka2.h"

namespace mho::rule {

namespace {

template <class... Rules> struct RuleList {
  static std::unique_ptr<Rule> make(const std::string& type, Parameters& parameters, array::Array& main,
                                    const pulse::UpdateParameters& update, Threads threads) {
    std::unique_ptr<Rule> result;
    (void)((type == Rules::name && (result = std::make_unique<Rules>(parameters, main, update, threads))) || ...);
    return result;
  }
  static std::string names() {
    std::string text;
    ((text += (text.empty() ? "" : ", ") + std::string(Rules::name)), ...);
    return text;
  }
};

// A new rule is one header and one line here.
using AllRules = RuleList<  //
    SGD,                    //
    TikiTaka,               //
    TikiTaka2,              //
    ChoppedTikiTaka2,       //
    AGAD,                   //
    ResidualLearning,       //
    MixedPrecision,         //
    RIDER,                  //
    ERIDER,                 //
    StreamingBatch,         //
    SignUpdate,             //
    HostedRule>;

}  // namespace

std::unique_ptr<Rule> make_rule(Parameters& parameters, array::Array& main, const pulse::UpdateParameters& update,
                                Threads threads) {
  const std::string type = parameters.text("type");
  auto rule = AllRules::make(type, parameters, main, update, threads);
  if (!rule) fail_value("rule.type must be one of " + AllRules::names() + ", got " + type);
  parameters.finish();
  return rule;
}

}  // namespace mho::rule
