#include "contract/proc.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "base/fd.h"

namespace vmkeep::contract {
namespace {

constexpr size_t kStartField = 22;  // of /proc/PID/stat, counted from 1 as in proc(5)

std::string proc_path(pid_t pid, const char* file) {
  return "/proc/" + std::to_string(pid) + "/" + file;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int64_t boot_time() {
  const auto text = read_file("/proc/stat");
  if (!text) return 0;
  const size_t at = text->find("\nbtime ");
  if (at == std::string::npos) return 0;
  return number<int64_t>(text->substr(at + 7, text->find('\n', at + 7) - at - 7)).value_or(0);
}

}  // namespace

std::optional<ProcessFacts> parse_stat(std::string_view text) {
  const size_t open = text.find(" (");
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
  const auto pid = number<pid_t>(text.substr(0, open));
  // The fields from the third on, a blank before each.  By hand: this is done for every process of the host.
  std::array<std::string_view, kStartField + 1> fields;
  size_t at = close + 1;
  for (size_t field = 3; field < fields.size(); ++field) {
    if (at >= text.size() || text[at] != ' ') return std::nullopt;
    const size_t end = std::min(text.find_first_of(" \n", at + 1), text.size());
    fields.at(field) = text.substr(at + 1, end - at - 1);
    at = end;
  }
  const auto parent = number<pid_t>(fields[4]);
  const auto session = number<pid_t>(fields[6]);
  const auto start = number<uint64_t>(fields[kStartField]);
  if (!pid || !parent || !session || !start || fields[3].size() != 1) return std::nullopt;
  ProcessFacts facts;
  facts.pid = *pid;
  facts.parent = *parent;
  facts.session = *session;
  facts.state = fields[3].front();
  facts.start_ticks = *start;
  return facts;
}

std::optional<ProcessFacts> process_facts(pid_t pid) {
  const auto text = read_file(proc_path(pid, "stat"));
  if (!text) return std::nullopt;
  return parse_stat(*text);
}

std::vector<ProcessFacts> all_processes() {
  std::vector<ProcessFacts> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), &::closedir);
  if (!folder) return found;
  while (const dirent* entry = ::readdir(folder.get())) {
    const auto pid = number<pid_t>(entry->d_name);
    if (!pid) continue;
    if (auto facts = process_facts(*pid)) found.push_back(*facts);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return found;
}

std::vector<pid_t> own_children() {
  std::vector<pid_t> found;
  const std::string self = std::to_string(::getpid());
  const auto text = read_file("/proc/self/task/" + self + "/children");
  if (!text) return found;
  const char* const end = text->data() + text->size();
  pid_t pid = 0;
  for (const char* at = text->data(); at < end; ++at) {
    const auto [after, error] = std::from_chars(at, end, pid);
    if (error != std::errc()) continue;  // a blank
    found.push_back(pid);
    at = after;
  }
  return found;
}

int64_t start_time(uint64_t start_ticks) {
  static const auto kTicksPerSecond = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  return boot_time() + static_cast<int64_t>(start_ticks / kTicksPerSecond);
}

std::optional<Member> describe(pid_t pid) {
  const auto facts = process_facts(pid);
  if (!facts || !facts->alive()) return std::nullopt;
  Member member;
  member.pid = pid;
  member.start_time = start_time(facts->start_ticks);
  if (auto command = read_file(proc_path(pid, "comm"))) {
    member.command = std::move(*command);
    if (!member.command.empty() && member.command.back() == '\n') member.command.pop_back();
  }
  if (auto arguments = read_file(proc_path(pid, "cmdline"))) {
    member.arguments = std::move(*arguments);
    while (!member.arguments.empty() && member.arguments.back() == '\0') member.arguments.pop_back();
    std::replace(member.arguments.begin(), member.arguments.end(), '\0', ' ');
  }
  return member;
}

std::optional<std::string> environment_of(pid_t pid, std::string_view name) {
  const auto text = read_file(proc_path(pid, "environ"));
  if (!text) return std::nullopt;
  for (size_t at = 0; at < text->size();) {
    const size_t end = std::min(text->find('\0', at), text->size());
    const std::string_view entry = std::string_view(*text).substr(at, end - at);
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.substr(0, name.size()) == name)
      return std::string(entry.substr(name.size() + 1));
    at = end + 1;
  }
  return std::nullopt;
}

Result<> send_signal(pid_t pid, int signal) {
  if (::kill(pid, signal) != 0 && errno != ESRCH)
    return errno_error("cannot send signal " + signal_name(signal) + " to process " + std::to_string(pid));
  return {};
}

}  // namespace vmkeep::contract
