// Reading a valid document: elements, attributes, and the checks of single values that a DTD cannot make.
#pragma once

#include <libxml/tree.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/manifest.h"

namespace vmkeep::manifest {

std::string_view name_of(const xmlNode* node);
std::vector<const xmlNode*> children(const xmlNode* node);
std::vector<const xmlNode*> children(const xmlNode* node, std::string_view name);
const xmlNode* child(const xmlNode* node, std::string_view name);  // the first one, or null
std::optional<std::string> attribute(const xmlNode* node, const char* name);
// The text inside, blanks at both ends dropped and line breaks inside made single blanks.
std::string text_of(const xmlNode* node);
std::string raw_text_of(const xmlNode* node);  // as it is

// A legal name made of any text: what is not allowed becomes "_".  Keeps the end of what is too long.
std::string mangle(std::string_view text);

// Says what is wrong, where.
class Reporter {
 public:
  Reporter(std::string file, std::vector<Problem>& problems) : file_(std::move(file)), problems_(problems) {}
  void problem(const xmlNode* node, std::string reason);

  // An attribute that the element must have (a profile is not checked by the DTD).
  std::string required(const xmlNode* node, const char* name);
  // A name that the repository takes.
  std::string name(const xmlNode* node, const char* attribute_name = "name");
  bool truth(const xmlNode* node, const char* name, bool otherwise);

  // `text` as a value of that type in its normal form.
  std::string value(const xmlNode* node, const std::string& property, repository::ValueType type,
                    const std::string& text);
  // The count of timeout_seconds, where "-1" is 2^64 - 1 and means something.
  std::string timeout(const xmlNode* node, const std::string& text);
  std::optional<fmri::Fmri> fmri(const xmlNode* node, const std::string& text);
  // One entity of a dependency of this type, as the graph reads it.
  std::string entity(const xmlNode* node, const std::string& type, const std::string& text);

 private:
  std::string file_;
  std::vector<Problem>& problems_;
};

// Properties by name, for code that makes groups.
void set(repository::PropertyGroup& group, const std::string& property, repository::ValueType type,
         std::string value);
inline void set(repository::PropertyGroup& group, const std::string& property, std::string text) {
  set(group, property, repository::ValueType::astring, std::move(text));
}
repository::PropertyGroup make_group(std::string name, std::string type);

}  // namespace vmkeep::manifest
