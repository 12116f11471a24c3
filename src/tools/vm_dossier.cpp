// `vmkeep log --dossier` and `--dossiers`: what was kept of a VM when it came to harm (daemon/dossier.h).
//
// The folders are found beside the instance's log and not asked for: a vmkeepd that was started after the
// host's reboot does not know of those of before, and they are the ones that one looks for then.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <filesystem>
#include <sstream>

#include "base/fd.h"
#include "control/text.h"
#include "tools/json_text.h"
#include "tools/tail.h"
#include "tools/vm_session.h"

namespace vmkeep::tools {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

Result<fs::path> folder_of(const VmSession& session) {
  const std::string& fmri = session.fmris.front();
  const auto* instance = session.world.find(fmri);
  if (instance == nullptr || instance->log.empty()) {
    return fail(ErrorKind::not_found, fmri + " has no log, and so no dossiers: it was never started");
  }
  const fs::path log = instance->log;
  return log.parent_path() / "dossiers" / log.stem();
}

// Their names are times: the oldest come first.
Result<std::vector<fs::path>> dossiers_in(const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code trouble;
  for (fs::directory_iterator entry(folder, trouble), end; !trouble && entry != end;
       entry.increment(trouble)) {
    all.push_back(entry->path());
  }
  if (trouble && trouble != std::errc::no_such_file_or_directory) {
    auto error = errno_error("cannot read " + folder.string(), trouble.value());
    if (error.kind == ErrorKind::permission)
      error.message += "; it is for root and the group of the VM's owner";
    return error;
  }
  std::sort(all.begin(), all.end());
  return all;
}

// The line of the summary that says why there is a dossier.
std::string decided(const fs::path& dossier) {
  const auto summary = read_file((dossier / "summary.txt").string());
  if (!summary) return summary.error().message;
  constexpr std::string_view kDecided = "Decided: ";
  std::istringstream lines(*summary);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kDecided)) return line.substr(kDecided.size());
  }
  return "";
}

// One of its files; those that there are not are no matter.
void print_end(const fs::path& file, int lines, Output& output) {
  const auto opened = open_file(file.string(), O_RDONLY | O_NONBLOCK);
  if (!opened && opened.error().kind == ErrorKind::not_found) return;
  const auto text = opened ? last_lines(*opened, lines) : Result<std::string>(opened.error());
  if (!text) return output.warn(text.error().message);
  output.line("\n" + file.filename().string() + ", its last lines:");
  output.print(*text);
  if (!text->empty() && text->back() != '\n') output.line("");
}

void print_one(const fs::path& dossier, int lines, Output& output) {
  output.line("Crash dossier " + dossier.string());
  const auto summary = read_file((dossier / "summary.txt").string());
  if (!summary) return output.warn(summary.error().message);
  output.print(*summary);
  struct stat picture {};
  const fs::path screen = dossier / "screenshot.png";
  if (::stat(screen.c_str(), &picture) == 0) output.line("Screen: " + screen.string());
  print_end(dossier / "check.txt", lines, output);
  print_end(dossier / "vm.log", lines, output);
}

Result<std::vector<fs::path>> dossiers_of(const VmSession& session) {
  const auto folder = folder_of(session);
  if (!folder) return folder.error();
  return dossiers_in(*folder);
}

}  // namespace

int print_last_dossier(const VmSession& session, int lines, Output& output) {
  const auto all = dossiers_of(session);
  if (!all) {
    output.warn(all.error().message);
  } else if (all->empty()) {
    output.warn(session.fmris.front() + " has no crash dossier");
  } else {
    print_one(all->back(), lines, output);
  }
  return output.finish();
}

int print_dossiers(const VmSession& session, bool as_json, Output& output) {
  const auto all = dossiers_of(session);
  if (!all) {
    output.warn(all.error().message);
  } else if (as_json) {
    json::array list;
    for (const fs::path& each : *all) {
      const std::string why = decided(each);
      list.push_back(
          json::object{{"path", each.string()},
                       {"decided", why.empty() ? json::value(nullptr) : json::value(control::as_utf8(why))}});
    }
    json::object document = json_document("dossiers");
    document["fmri"] = session.fmris.front();
    document["dossiers"] = std::move(list);
    output.print(json_line(document));
  } else if (all->empty()) {
    // That is good news, and no failure.
    output.warn(session.fmris.front() + " has no crash dossier", kOk);
  } else {
    for (const fs::path& each : *all) output.line(each.string() + "  " + decided(each));
  }
  return output.finish();
}

}  // namespace vmkeep::tools
