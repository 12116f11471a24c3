// The exec string: its tokens, and how it becomes an argument vector.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>

#include "contract/context.h"

namespace vmkeep::contract {
namespace {

constexpr std::string_view kDefaultPath = "/usr/sbin:/usr/bin";
constexpr std::string_view kRestarter = "svc.startd";
constexpr std::string_view kShellCharacters = ";&|<>()$`\\\"'*?[]#~=%{}\n";

std::string escaped(std::string_view value) {
  constexpr std::string_view kEscaped = ";&()|^<>\n \t\\\"'`";
  std::string result;
  for (const char c : value) {
    if (kEscaped.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

// Whom the tokens are expanded for, and what it sees.
struct Viewer {
  const fmri::Fmri& instance;
  const repository::Levels& running;
  const ViewOf& others;
};

const repository::Property* find_own(const repository::Groups& groups, const fmri::Fmri& name) {
  const auto group = groups.find(name.property_group);
  return group == groups.end() ? nullptr : group->second->find(name.property);
}

// Of what stands between the braces as a whole FMRI; nothing: there is none.
Result<std::optional<repository::Property>> property_of_fmri(std::string_view text, const Viewer& viewer) {
  const auto found = [](const repository::Property* property) {
    return property == nullptr ? std::nullopt : std::optional(*property);
  };
  const auto name = fmri::Fmri::parse(text);
  if (!name || name->property.empty()) return std::optional<repository::Property>();
  if (name->service == viewer.instance.service) {
    if (!name->is_instance()) return found(find_own(viewer.running.service, *name));
    if (name->instance == viewer.instance.instance)
      return found(viewer.running.find(name->property_group, name->property));
  }
  if (!viewer.others) return std::optional<repository::Property>();
  const fmri::Fmri entity{name->service, name->instance, {}, {}};
  const auto levels = viewer.others(entity);
  if (!levels && levels.error().kind == ErrorKind::not_found) return std::optional<repository::Property>();
  if (!levels) return levels.error();
  return found(levels->find(name->property_group, name->property));
}

// What stands between the braces of %{...}, without the modifier.
Result<std::optional<repository::Property>> find_property(std::string_view name, const Viewer& viewer) {
  if (name.substr(0, 4) == "svc:") return property_of_fmri(name, viewer);
  const size_t slash = name.find('/');
  const bool in_group = slash != std::string_view::npos;
  const auto* property = in_group ? viewer.running.find(name.substr(0, slash), name.substr(slash + 1))
                                  : viewer.running.find("application", name);
  return property == nullptr ? std::nullopt : std::optional(*property);
}

Result<std::string> property_value(std::string_view inside, const Viewer& viewer) {
  char separator = ' ';
  if (!inside.empty() && (inside.back() == ',' || inside.back() == ':')) {
    separator = inside.back();
    inside.remove_suffix(1);
  }
  if (inside.empty() || inside.front() == '/' || inside.back() == '/')
    return fail(ErrorKind::invalid, "parse error");
  const auto found = find_property(inside, viewer);
  if (!found) return found.error();
  const auto& property = *found;
  if (!property) return fail(ErrorKind::invalid, "property \"" + std::string(inside) + "\" not found");
  std::string joined;
  for (size_t i = 0; i < property->values.size(); ++i) {
    if (i != 0) joined += separator;
    joined += escaped(property->values[i]);
  }
  return joined;
}

// The system's own folders.  Any other may be one of a filesystem that does not answer, and whoever looks
// there waits for it.
bool is_local(std::string_view folder) {
  constexpr std::array kLocal{"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
  return std::find(kLocal.begin(), kLocal.end(), folder) != kLocal.end();
}

// Absent: a folder comes first that only the method itself may look into.
std::optional<std::string> on_path(const std::string& program, std::string_view path) {
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find(':', at), path.size());
    const std::string_view folder = path.substr(at, end - at);
    at = end + 1;
    if (folder.empty()) continue;  // the method's working directory, which is not ours
    if (!is_local(folder)) return std::nullopt;
    std::string candidate = std::string(folder) + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return program;
}

std::vector<std::string> command_line_on(const std::string& exec, std::string_view path) {
  std::vector<std::string> words;
  std::istringstream stream(exec);
  for (std::string word; stream >> word;) words.push_back(std::move(word));
  std::vector<std::string> by_shell{"/bin/sh", "-c", "exec " + exec};
  if (words.empty() || exec.find_first_of(kShellCharacters) != std::string::npos) return by_shell;
  if (words.front().find('/') != std::string::npos) return words;
  const auto program = on_path(words.front(), path);
  if (!program) return by_shell;
  words.front() = *program;
  return words;
}

}  // namespace

Result<std::string> expand_tokens(std::string_view exec, const fmri::Fmri& instance, std::string_view method,
                                  const repository::Levels& running, const ViewOf& others) {
  const Viewer viewer{instance, running, others};
  std::string result;
  for (size_t at = 0; at < exec.size(); ++at) {
    if (exec[at] != '%') {
      result += exec[at];
      continue;
    }
    if (++at == exec.size()) return fail(ErrorKind::invalid, "parse error");
    switch (exec[at]) {
      case '%':
        result += '%';
        break;
      case 'r':
        result += kRestarter;
        break;
      case 'm':
        result += method;
        break;
      case 's':
        result += instance.service;
        break;
      case 'i':
        result += instance.instance;
        break;
      case 'f':
        result += instance.entity();
        break;
      case '{': {
        const size_t end = exec.find('}', at);
        if (end == std::string_view::npos) return fail(ErrorKind::invalid, "parse error");
        auto value = property_value(exec.substr(at + 1, end - at - 1), viewer);
        if (!value) return value;
        result += *value;
        at = end;
        break;
      }
      default:
        return fail(ErrorKind::invalid, "unknown method token");
    }
  }
  return result;
}

std::vector<std::string> command_line(const std::string& exec, const std::vector<std::string>& environment) {
  std::string_view path = kDefaultPath;
  for (const auto& entry : environment) {
    if (entry.compare(0, 5, "PATH=") == 0) path = std::string_view(entry).substr(5);
  }
  return command_line_on(exec, path);
}

std::vector<std::string> command_line(const std::string& exec) {
  return command_line_on(exec, kDefaultPath);
}

}  // namespace vmkeep::contract
