#include "tools/svccfg/complete.h"

#include <algorithm>
#include <set>

#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {
namespace {

// What the operand of a command is.
enum class Operand { nothing, command, entity, child, file, file_or_entity, group, property, snapshot, flag };

Operand operand_of(std::string_view command) {
  static const std::map<std::string_view, Operand> table = {
      {"help", Operand::command},
      {"select", Operand::entity},
      {"delete", Operand::entity},
      {"export", Operand::entity},
      {"list", Operand::child},
      {"validate", Operand::file_or_entity},
      {"import", Operand::file},
      {"inventory", Operand::file},
      {"apply", Operand::file},
      {"restore", Operand::file},
      {"delhash", Operand::file},
      {"repository", Operand::file},
      {"listpg", Operand::group},
      {"delpg", Operand::group},
      {"listprop", Operand::property},
      {"setprop", Operand::property},
      {"delprop", Operand::property},
      {"describe", Operand::property},
      {"addpropvalue", Operand::property},
      {"delpropvalue", Operand::property},
      {"listcust", Operand::property},
      {"delcust", Operand::property},
      {"selectsnap", Operand::snapshot},
      {"revert", Operand::snapshot},
      {"set", Operand::flag},
  };
  const auto found = table.find(command);
  return found == table.end() ? Operand::nothing : found->second;
}

class Completer {
 public:
  explicit Completer(Session& session) : session_(session) {}

  void commands_() {
    for (const Command& command : commands()) words_.insert(std::string(command.name));
  }

  void flags() { words_ = {"-v", "-V"}; }

  void entities(bool children_only) {
    repository::Repository* const repository = session_.quiet_repository();
    const auto entries = repository == nullptr ? Result<std::vector<fmri::Entry>>(std::vector<fmri::Entry>())
                                               : repository->entries();
    if (!entries) return;
    const fmri::Fmri& selected = session_.selection();
    for (const fmri::Entry& entry : *entries) {
      if (!session_.entity_selected()) words_.insert(entry.service);
      if (!children_only) words_.insert(fmri::Fmri{entry.service, {}, {}, {}}.str());
      for (const std::string& name : entry.instances) {
        if (!selected.is_instance() && entry.service == selected.service) words_.insert(name);
        if (children_only) continue;
        words_.insert(fmri::Fmri{entry.service, name, {}, {}}.str());
        words_.insert(entry.service + ":" + name);
      }
    }
  }

  void properties(bool groups, bool with_properties) {
    repository::Repository* const repository = session_.quiet_repository();
    if (repository == nullptr || !session_.entity_selected()) return;
    const auto levels = repository->read(session_.selection());
    if (!levels) return;
    for (const auto& [name, group] : levels->composed()) {
      if (groups) words_.insert(name);
      if (!with_properties) continue;
      for (const auto& [property, values] : group->properties) words_.insert(name + "/" + property);
    }
  }

  void snapshots() {
    repository::Repository* const repository = session_.quiet_repository();
    if (repository == nullptr || !session_.selection().is_instance()) return;
    const auto names = repository->snapshots(session_.selection());
    if (names) words_.insert(names->begin(), names->end());
  }

  void types() {
    for (const char* type : {"boolean", "count", "integer", "time", "astring", "ustring", "opaque", "uri",
                             "fmri", "host", "hostname", "net_address", "net_address_v4", "net_address_v6"}) {
      words_.insert(std::string(type) + ":");
    }
  }

  std::vector<std::string> matching(const std::string& word) const {
    std::vector<std::string> result;
    std::copy_if(words_.begin(), words_.end(), std::back_inserter(result),
                 [&](const std::string& each) { return each.starts_with(word); });
    return result;
  }

 private:
  Session& session_;
  std::set<std::string> words_;
};

}  // namespace

Completion complete(Session& session, const std::string& before, const std::string& word) {
  std::string_view rest = before;
  std::vector<Token> tokens;
  if (scan(rest, tokens) == Scan::incomplete) return {};
  Completer completer(session);
  Completion result;
  if (tokens.empty()) {
    completer.commands_();
    result.words = completer.matching(word);
    return result;
  }
  result.files = tokens.back().kind == TokenKind::redirect;
  const auto is_option = [](const Token& token) {
    return token.kind == TokenKind::word && token.text.size() == 2 && token.text.front() == '-';
  };
  const bool first = std::all_of(tokens.begin() + 1, tokens.end(), is_option);
  if (tokens.back().kind == TokenKind::equals ||
      (tokens.front().text == "addpropvalue" && tokens.size() == 2)) {
    completer.types();
  } else if (first) {
    switch (operand_of(tokens.front().text)) {
      case Operand::nothing:
        break;
      case Operand::command:
        completer.commands_();
        break;
      case Operand::flag:
        completer.flags();
        break;
      case Operand::file_or_entity:
        result.files = true;
        [[fallthrough]];
      case Operand::entity:
        completer.entities(false);
        break;
      case Operand::child:
        completer.entities(true);
        break;
      case Operand::file:
        result.files = true;
        break;
      case Operand::group:
        completer.properties(true, false);
        break;
      case Operand::property:
        completer.properties(tokens.front().text != "setprop", true);
        break;
      case Operand::snapshot:
        completer.snapshots();
        break;
    }
  }
  result.words = completer.matching(word);
  return result;
}

}  // namespace vmkeep::svccfg
