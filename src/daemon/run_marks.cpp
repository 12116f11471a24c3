#include "daemon/run_marks.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "daemon/folders.h"

namespace vmkeep::daemon {
namespace {

constexpr std::string_view kSlash = "%2F";
constexpr size_t kLife = 256;

// FMRIs hold neither a percent sign nor anything else that a file's name may not hold.
std::string file_name(std::string fmri) {
  for (size_t at = fmri.find('/'); at != std::string::npos; at = fmri.find('/', at)) {
    fmri.replace(at, 1, kSlash);
  }
  return fmri;
}

std::string fmri_of(std::string name) {
  for (size_t at = name.find(kSlash); at != std::string::npos; at = name.find(kSlash, at)) {
    name.replace(at, kSlash.size(), "/");
  }
  return name;
}

}  // namespace

Result<> RunMarks::open(std::string folder, std::string life) {
  folder_ = std::move(folder);
  life_ = std::move(life);
  if (auto made = own_folder(folder_, 0700U); !made) return made;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, problem)) {
    const std::string name = entry.path().filename().string();
    // What was being written when the host went down says nothing.
    if (name.ends_with(".new")) continue;
    if (auto text = read_file(entry.path().string(), kLife)) {
      marks_[fmri_of(name)] = text->substr(0, text->find('\n'));
    }
  }
  if (problem) return fail(ErrorKind::io, "cannot read " + folder_ + ": " + problem.message());
  return {};
}

std::string RunMarks::path(const std::string& fmri) const {
  return folder_ + "/" + file_name(fmri);
}

bool RunMarks::host_fell_under(const std::string& fmri) const {
  const auto found = marks_.find(fmri);
  return found != marks_.end() && found->second != life_;
}

bool RunMarks::taken_up(const std::string& fmri, bool enabled) {
  const bool fell = host_fell_under(fmri);
  if (fell && !enabled) forget(fmri);
  return fell && enabled;
}

Result<> RunMarks::came_up(const std::string& fmri) {
  auto& mark = marks_[fmri];
  if (mark == life_) return {};
  mark = life_;
  if (auto written = replace_file(path(fmri), life_ + "\n", 0600U); !written) return written;
  const auto folder = open_file(folder_, O_RDONLY | O_DIRECTORY);
  if (!folder) return folder.error();
  if (::fsync(folder->get()) != 0) return errno_error("cannot sync " + folder_);
  return {};
}

void RunMarks::went_down(const std::string& fmri) {
  const auto found = marks_.find(fmri);
  if (found != marks_.end() && found->second == life_) forget(fmri);
}

void RunMarks::forget(const std::string& fmri) {
  if (marks_.erase(fmri) != 0) ::unlink(path(fmri).c_str());
}

}  // namespace vmkeep::daemon
