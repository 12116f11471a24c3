// XML text, two blanks a level, attributes in single quotes.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vmkeep::manifest {

using Attributes = std::vector<std::pair<std::string_view, std::string>>;

class Writer {
 public:
  void line(std::string_view text);  // as it is
  void open(std::string_view element, const Attributes& attributes = {});
  void close(std::string_view element);  // with nothing inside it becomes an empty one
  void empty(std::string_view element, const Attributes& attributes = {});
  void text(std::string_view element, const Attributes& attributes, std::string_view content);
  std::string take() { return std::move(text_); }

 private:
  void start(std::string_view element, const Attributes& attributes);
  std::string text_;
  size_t depth_ = 0;
  size_t opened_ = 0;  // where the inside of the last opened element begins
};

// Whether XML 1.0 has a way to write these bytes: UTF-8, and no control characters but tab and line breaks.
bool writable(std::string_view text);

}  // namespace vmkeep::manifest
