#include "tools/operands.h"

#include <algorithm>

namespace vmkeep::tools {
namespace {

std::vector<std::string> select(const Arguments& operands, const std::vector<fmri::Entry>& entries,
                                bool unambiguously, bool legacy, Output& output) {
  std::vector<std::string> selected;
  for (const std::string& operand : operands) {
    if (is_refused(operand, output, legacy)) continue;
    const fmri::Match match = fmri::resolve(operand, entries, fmri::Want::instances);
    if (match.found.empty()) {
      output.warn("Pattern '" + operand + "' doesn't match any instances");
      continue;
    }
    if (unambiguously && !match.exact && !match.glob && match.found.size() > 1) {
      std::string message = "Partial FMRI '" + operand + "' matches multiple instances:";
      for (const fmri::Fmri& found : match.found) message += "\n\t" + found.str();
      output.warn(message);
      continue;
    }
    for (const fmri::Fmri& found : match.found) {
      const std::string name = found.entity();
      if (std::find(selected.begin(), selected.end(), name) == selected.end()) selected.push_back(name);
    }
  }
  return selected;
}

}  // namespace

bool is_refused(const std::string& operand, Output& output, bool legacy) {
  if (operand.size() > fmri::kMaxFmri) {
    output.warn("Argument '" + operand + "' is too long, ignoring");
    return true;
  }
  if (!legacy && operand.starts_with("lrc:")) {
    output.warn("Operation not supported for legacy service '" + operand + "'");
    return true;
  }
  return false;
}

std::vector<std::string> select_instances(const Arguments& operands, const std::vector<fmri::Entry>& entries,
                                          Output& output, bool legacy) {
  return select(operands, entries, false, legacy, output);
}

std::vector<std::string> select_unambiguously(const Arguments& operands,
                                              const std::vector<fmri::Entry>& entries, Output& output) {
  return select(operands, entries, true, false, output);
}

}  // namespace vmkeep::tools
