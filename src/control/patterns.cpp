#include "control/patterns.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "control/messages.h"
#include "control/text.h"

namespace vmkeep::control {

boost::json::array patterns_of(const std::vector<std::string>& operands) {
  boost::json::array patterns;
  for (const std::string& operand : operands) {
    if (is_utf8(operand)) patterns.emplace_back(operand);
  }
  return patterns;
}

Result<std::vector<fmri::Entry>> matching_entries(Client& client, const std::vector<std::string>& operands) {
  auto reply = client.call("Entries", {{"patterns", patterns_of(operands)}});
  if (!reply) return reply.error();
  const boost::json::value* entries = reply->if_contains("entries");
  return entries_from(entries == nullptr ? boost::json::value() : *entries);
}

}  // namespace vmkeep::control
