#include "hypervisor/virtualbox/answer.h"

#include "hypervisor/virtualbox/parse.h"

namespace vmkeep::hypervisor::virtualbox {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string told(const CommandResult& result) {
  return first_error(result.err) + " (VBoxManage " + result.status.text() + ")";
}

Error failed(const std::vector<std::string>& words, const CommandResult& result) {
  return fail(kind_of(classify(result.err)), "VBoxManage " + joined(words) + ": " + told(result));
}

}  // namespace vmkeep::hypervisor::virtualbox
