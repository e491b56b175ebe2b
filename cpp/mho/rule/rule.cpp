#include "mho/rule/rule.h"

#include "mho/rule/sgd.h"

namespace mho::rule {

std::unique_ptr<Rule> make_rule(Parameters& parameters, array::Array& main, const pulse::UpdateParameters& update) {
  const std::string type = parameters.text("type");
  if (type != SGD::name) fail_value("rule.type must be one of SGD, got " + type);
  parameters.finish();
  return std::make_unique<SGD>(main, update);
}

}  // namespace mho::rule
