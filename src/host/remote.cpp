#include "host/remote.h"

#include <algorithm>
#include <sstream>
#include <vector>

namespace vmkeep::host {
namespace {

// Blanks, line breaks and backslashes stand there as \ooo.
std::string unescaped(const std::string& text) {
  const auto octal = [&text](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool is_among(const std::string& type, const std::set<std::string>& types) {
  const auto family = type.find('.');
  return types.contains(type) || (family != std::string::npos && types.contains(type.substr(0, family + 1)));
}

}  // namespace

const std::set<std::string>& remote_types() {
  // autofs: to pass its folder makes it mount what is elsewhere.
  static const std::set<std::string> kTypes{"9p",     "acfs",  "afs",   "autofs", "beegfs",  "ceph",
                                            "cifs",   "coda",  "fuse",  "fuse.",  "gfs2",    "gpfs",
                                            "lustre", "ncpfs", "nfs",   "nfs4",   "ocfs2",   "orangefs",
                                            "pvfs2",  "smb3",  "smbfs", "vboxsf", "virtiofs"};
  return kTypes;
}

std::set<std::string> mounts_of_types(std::string_view mountinfo, const std::set<std::string>& types) {
  std::set<std::string> found;
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    // id parent device root mount-point options [optional...] - type source options
    std::istringstream words(line);
    std::vector<std::string> all;
    for (std::string word; words >> word;) all.push_back(std::move(word));
    const auto dash = std::find(all.begin(), all.end(), "-");
    if (all.size() < 5 || all.end() - dash < 2) continue;
    const std::string place = unescaped(all[4]);
    if (is_among(*(dash + 1), types)) {
      found.insert(place);
    } else {
      found.erase(place);  // mounted over it
    }
  }
  return found;
}

}  // namespace vmkeep::host
