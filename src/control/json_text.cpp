#include "control/json_text.h"

#include <fmt/format.h>

#include <iterator>

#include "control/text.h"

namespace vmkeep::control {
namespace {

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += c;
      break;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
  }
}

bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

// The members of one object, one after the other.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() { out_ += '}'; }

  void add(std::string_view name, std::string_view text) {
    begin(name);
    append_json(out_, text);
  }
  void add(std::string_view name, bool flag) {
    begin(name);
    out_ += flag ? "true" : "false";
  }
  template <class Number>
  void add_number(std::string_view name, Number number) {
    begin(name);
    fmt::format_to(std::back_inserter(out_), "{}", number);
  }
  void add(std::string_view name, const std::vector<std::string>& texts) {
    begin(name);
    out_ += '[';
    for (const std::string& text : texts) {
      if (out_.back() != '[') out_ += ',';
      append_json(out_, text);
    }
    out_ += ']';
  }
  void begin(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }

 private:
  std::string& out_;
};

void append_dependencies(std::string& out, const std::vector<DependencyMessage>& dependencies) {
  out += '[';
  for (const DependencyMessage& dependency : dependencies) {
    if (out.back() != '[') out += ',';
    Object object(out);
    object.add("name", dependency.name);
    object.add("grouping", dependency.grouping);
    object.add("restart_on", dependency.restart_on);
    object.add("entities", dependency.entities);
  }
  out += ']';
}

}  // namespace

void append_json(std::string& out, std::string_view text) {
  if (!is_utf8(text)) return append_json(out, as_utf8(text));
  out += '"';
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out += text.substr(0, plain);
    if (plain < text.size()) append_escaped(out, text[plain++]);
    text.remove_prefix(plain);
  }
  out += '"';
}

void append_json(std::string& out, const InstanceMessage& instance) {
  Object object(out);
  object.add("fmri", instance.fmri);
  object.add("state", instance.state);
  object.add("next_state", instance.next_state);
  if (!instance.reason.empty()) object.add("reason", instance.reason);
  if (!instance.why.empty()) object.add("why", instance.why);
  object.add_number("state_time", instance.state_time);
  object.add("configured", instance.configured);
  object.add("enabled", instance.enabled);
  object.add_number("contract", instance.contract);
  if (!instance.log.empty()) object.add("log", instance.log);
  if (!instance.restarter.empty()) object.add("restarter", instance.restarter);
  object.add("vm", instance.vm);
  if (instance.enabled_permanent) object.add("enabled_permanent", *instance.enabled_permanent);
  if (instance.enabled_temporary) object.add("enabled_temporary", *instance.enabled_temporary);
  if (instance.name) object.add("name", *instance.name);
  if (instance.dossier) object.add("dossier", *instance.dossier);
  if (instance.start_status) object.add_number("start_status", *instance.start_status);
  if (instance.comment) object.add("comment", *instance.comment);
  if (instance.requested_by) object.add("requested_by", *instance.requested_by);
  if (instance.satisfied) object.add("satisfied", *instance.satisfied);
  if (!instance.dependencies) return;
  object.begin("dependencies");
  append_dependencies(out, *instance.dependencies);
}

}  // namespace vmkeep::control
