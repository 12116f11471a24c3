#include "tools/tail.h"

#include <unistd.h>

#include <algorithm>

namespace vmkeep::tools {

Result<std::string> last_lines(const Fd& file, int lines) {
  constexpr off_t kChunk = 65536;
  std::string tail;
  off_t begin = ::lseek(file.get(), 0, SEEK_END);
  if (begin < 0) return errno_error("cannot read the log");
  while (begin > 0) {
    const off_t size = std::min(begin, kChunk);
    begin -= size;
    std::string chunk(static_cast<size_t>(size), '\0');
    const ssize_t n = ::pread(file.get(), chunk.data(), chunk.size(), begin);
    if (n < 0) return errno_error("cannot read the log");
    chunk.resize(static_cast<size_t>(n));
    tail.insert(0, chunk);
    if (std::count(tail.begin(), tail.end(), '\n') > lines) break;
  }
  size_t at = tail.empty() || tail.back() == '\n' ? tail.size() : tail.size() + 1;
  for (int left = lines; left > 0 && at > 0; --left) {
    const size_t before = at >= 2 ? tail.rfind('\n', at - 2) : std::string::npos;
    at = before == std::string::npos ? 0 : before + 1;
  }
  return tail.substr(std::min(at, tail.size()));
}

}  // namespace vmkeep::tools
