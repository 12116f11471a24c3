#include "tools/mounts.h"

#include <sstream>
#include <vector>

#include "base/mount_text.h"

namespace vmkeep::tools {

// ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE SUPEROPTIONS
Mount mount_of(const std::string& mountinfo, const std::string& path) {
  Mount best;
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) words.push_back(word);
    size_t dash = 6;
    while (dash < words.size() && words[dash] != "-") ++dash;
    if (dash + 2 >= words.size()) continue;
    const std::string point = unescape_mount(words[4]);
    const bool inside = point == "/" || path == point || path.starts_with(point + "/");
    // Of two at one place the later one covers the earlier.
    if (inside && point.size() >= best.point.size()) {
      best = {point, words[dash + 1], unescape_mount(words[dash + 2])};
    }
  }
  return best;
}

}  // namespace vmkeep::tools
