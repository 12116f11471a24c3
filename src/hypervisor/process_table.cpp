#include "hypervisor/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>
#include <utility>

#include "base/fd.h"

namespace vmkeep::hypervisor {
namespace {

constexpr size_t kProcLimit = 4U << 20U;

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::vector<std::string_view> words(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> result;
  size_t at = 0;
  while ((at = text.find_first_not_of(separators, at)) != std::string_view::npos) {
    const size_t end = std::min(text.find_first_of(separators, at), text.size());
    result.push_back(text.substr(at, end - at));
    at = end;
  }
  return result;
}

bool is_uuid(std::string_view word) {
  if (word.size() != 36) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? word[i] != '-' : ::isxdigit(static_cast<unsigned char>(word[i])) == 0) return false;
  }
  return true;
}

std::string normal(std::string word) {
  if (word.size() == 38 && word.front() == '{' && word.back() == '}' && is_uuid(word.substr(1, 36))) {
    word = word.substr(1, 36);
  }
  if (is_uuid(word)) {
    for (char& c : word) c = static_cast<char>(::tolower(static_cast<unsigned char>(c)));
  }
  return word;
}

bool among(std::string_view name, const std::vector<std::string_view>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

std::string_view program_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::optional<ProcessStat> parse_stat(std::string_view text) {
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  const auto rest = words(text.substr(close + 1), " \n");
  constexpr size_t kState = 0;
  constexpr size_t kParent = 1;
  constexpr size_t kStart = 19;
  if (rest.size() <= kStart || rest[kState].size() != 1) return std::nullopt;
  const auto parent = number<pid_t>(rest[kParent]);
  if (!parent || !number<uint64_t>(rest[kStart])) return std::nullopt;
  return ProcessStat{std::string(text.substr(open + 1, close - open - 1)), rest[kState][0], *parent,
                     std::string(rest[kStart])};
}

std::vector<std::string> parse_cmdline(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\0'), text.size());
    result.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::optional<uid_t> parse_uid(std::string_view status) {
  // The name of the process is escaped in this file, so that a line is a line.
  const size_t at = status.find("\nUid:");
  if (at == std::string_view::npos) return std::nullopt;
  const auto line = status.substr(at + 5, status.find('\n', at + 5) - at - 5);
  const auto uids = words(line, " \t");
  return uids.empty() ? std::nullopt : number<uid_t>(uids[0]);
}

bool hides_processes(std::string_view mountinfo, std::string_view proc) {
  bool hides = false;
  for (const auto line : words(mountinfo, "\n")) {
    const auto fields = words(line, " ");
    if (fields.size() < 10 || fields[4] != proc) continue;
    // The last mount on the folder is the one that shows.
    hides = false;
    for (const auto option : words(fields.back(), ",")) {
      hides =
          hides || (option.substr(0, 8) == "hidepid=" && option != "hidepid=0" && option != "hidepid=off");
    }
  }
  return hides;
}

std::optional<std::string> started_vm(const std::vector<std::string>& argv,
                                      const std::vector<std::string_view>& programs) {
  if (argv.empty() || !among(program_name(argv[0]), programs)) return std::nullopt;
  constexpr std::string_view kWithValue = "--startvm=";
  for (size_t i = 1; i < argv.size(); ++i) {
    const std::string& word = argv[i];
    if (word == "--comment" || word == "-comment" || word == "-c") {
      ++i;  // the VM's name, which may be anything
    } else if (word == "--startvm" || word == "-startvm" || word == "-s") {
      if (i + 1 < argv.size()) return normal(argv[i + 1]);
    } else if (word.compare(0, kWithValue.size(), kWithValue) == 0) {
      return normal(word.substr(kWithValue.size()));
    }
  }
  return std::nullopt;
}

std::string ProcessTable::file(pid_t pid, const char* name) const {
  return proc_ + "/" + std::to_string(pid) + "/" + name;
}

std::optional<uid_t> ProcessTable::uid(pid_t pid) const {
  const auto status = read_file(file(pid, "status"), kProcLimit);
  return status ? parse_uid(*status) : std::nullopt;
}

std::optional<Process> ProcessTable::read(pid_t pid) const {
  const auto stat_text = read_file(file(pid, "stat"), kProcLimit);
  if (!stat_text) return std::nullopt;
  auto stat = parse_stat(*stat_text);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  const auto cmdline = read_file(file(pid, "cmdline"), kProcLimit);
  if (!cmdline) return std::nullopt;
  return Process{pid, stat->parent, std::move(stat->start_time), parse_cmdline(*cmdline)};
}

std::optional<std::vector<std::string>> ProcessTable::environment(pid_t pid) const {
  const auto text = read_file(file(pid, "environ"), kProcLimit);
  if (!text) return std::nullopt;
  return parse_cmdline(*text);
}

Scan ProcessTable::scan(uid_t uid, const std::vector<std::string_view>& programs) const {
  Scan result;
  if (::geteuid() != 0) {
    const auto mounts = read_file(proc_ + "/self/mountinfo");
    result.complete = mounts && !hides_processes(*mounts, proc_);
  }
  const std::unique_ptr<DIR, CloseDir> folder(::opendir(proc_.c_str()));
  if (!folder) {
    result.complete = false;
    return result;
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    const auto pid = number<pid_t>(entry->d_name);
    if (!pid) continue;
    struct stat info {};
    // Belongs to its owner, or to root if it was setuid once.  Asking more of everybody's processes costs
    // time, and reading the command line of a stuck one can block.
    if (::fstatat(::dirfd(folder.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (info.st_uid != uid && info.st_uid != 0) continue;
    if (this->uid(*pid) != uid) continue;
    auto process = read(*pid);
    if (!process || process->argv.empty() || !among(program_name(process->argv[0]), programs)) continue;
    result.processes.push_back(std::move(*process));
  }
  std::stable_sort(result.processes.begin(), result.processes.end(), [](const Process& a, const Process& b) {
    return number<uint64_t>(a.start_time).value_or(0) < number<uint64_t>(b.start_time).value_or(0);
  });
  return result;
}

}  // namespace vmkeep::hypervisor
