#include "manifest/writer.h"

#include <libxml/xmlstring.h>

#include <algorithm>

#include "base/xml_text.h"

namespace vmkeep::manifest {
void Writer::line(std::string_view text) {
  text_.append(2 * depth_, ' ').append(text).append("\n");
}

void Writer::start(std::string_view element, const Attributes& attributes) {
  text_.append(2 * depth_, ' ').append("<").append(element);
  for (const auto& [name, value] : attributes) {
    text_.append(" ").append(name).append("='").append(xml_escaped(value)).append("'");
  }
}

void Writer::open(std::string_view element, const Attributes& attributes) {
  start(element, attributes);
  text_.append(">\n");
  ++depth_;
  opened_ = text_.size();
}

void Writer::close(std::string_view element) {
  --depth_;
  if (text_.size() == opened_) {
    text_.replace(text_.size() - 2, 2, "/>\n");
    return;
  }
  text_.append(2 * depth_, ' ').append("</").append(element).append(">\n");
}

void Writer::empty(std::string_view element, const Attributes& attributes) {
  start(element, attributes);
  text_.append("/>\n");
}

void Writer::text(std::string_view element, const Attributes& attributes, std::string_view content) {
  start(element, attributes);
  text_.append(">").append(xml_escaped(content)).append("</").append(element).append(">\n");
}

bool writable(std::string_view text) {
  const std::string whole(text);
  const bool controls = std::any_of(whole.begin(), whole.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
  });
  // U+FFFE and U+FFFF are UTF-8 but no XML.
  return !controls && whole.find("\xef\xbf\xbe") == std::string::npos &&
         whole.find("\xef\xbf\xbf") == std::string::npos &&
         xmlCheckUTF8(reinterpret_cast<const unsigned char*>(whole.c_str())) != 0;
}

}  // namespace vmkeep::manifest
