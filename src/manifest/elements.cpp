#include "manifest/elements.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "manifest/document.h"

namespace vmkeep::manifest {
namespace {

using repository::ValueType;

const xmlChar* xml(const char* text) {
  return reinterpret_cast<const xmlChar*>(text);
}

std::string take(xmlChar* text) {
  std::string result = text == nullptr ? "" : reinterpret_cast<const char*>(text);
  xmlFree(text);
  return result;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

std::string_view name_of(const xmlNode* node) {
  return reinterpret_cast<const char*>(node->name);
}

std::vector<const xmlNode*> children(const xmlNode* node) {
  std::vector<const xmlNode*> found;
  for (const xmlNode* each = node->children; each != nullptr; each = each->next) {
    if (each->type == XML_ELEMENT_NODE) found.push_back(each);
  }
  return found;
}

std::vector<const xmlNode*> children(const xmlNode* node, std::string_view name) {
  std::vector<const xmlNode*> found = children(node);
  std::erase_if(found, [name](const xmlNode* each) { return name_of(each) != name; });
  return found;
}

const xmlNode* child(const xmlNode* node, std::string_view name) {
  const auto found = children(node, name);
  return found.empty() ? nullptr : found.front();
}

std::optional<std::string> attribute(const xmlNode* node, const char* name) {
  // xml:lang is the one attribute of ours that has a namespace, and no other attribute is called lang.
  xmlChar* text = std::string_view(name) == "xml:lang" ? xmlGetNsProp(node, xml("lang"), XML_XML_NAMESPACE)
                                                       : xmlGetNoNsProp(node, xml(name));
  if (text == nullptr) return std::nullopt;
  return take(text);
}

std::string raw_text_of(const xmlNode* node) {
  return take(xmlNodeGetContent(node));
}

std::string text_of(const xmlNode* node) {
  std::string result;
  bool gap = false;
  for (const char c : raw_text_of(node)) {
    if (is_blank(c)) {
      gap = !result.empty();
      continue;
    }
    if (gap) result += ' ';
    gap = false;
    result += c;
  }
  return result;
}

std::string mangle(std::string_view text) {
  std::string result(text.substr(text.size() > fmri::kMaxName ? text.size() - fmri::kMaxName : 0));
  for (char& c : result) {
    if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_') c = '_';
  }
  // A name begins with a letter.
  if (result.empty()) return "x";
  if (is_letter(result.front())) return result;
  if (result.size() < fmri::kMaxName) return "x" + result;
  result.front() = 'x';
  return result;
}

void Reporter::problem(const xmlNode* node, std::string reason) {
  if (problems_.size() < kMaxProblems) {
    problems_.push_back({file_, static_cast<int>(xmlGetLineNo(node)), std::move(reason)});
  } else if (problems_.size() == kMaxProblems) {
    problems_.push_back({file_, 0, "there are more problems than these"});
  }
}

std::string Reporter::required(const xmlNode* node, const char* name) {
  auto text = attribute(node, name);
  if (!text) problem(node, fmt::format("element {} lacks attribute {}", name_of(node), name));
  return text.value_or("");
}

std::string Reporter::name(const xmlNode* node, const char* attribute_name) {
  const auto text = attribute(node, attribute_name);
  if (!text) return required(node, attribute_name);
  if (!fmri::valid_name(*text)) {
    problem(node,
            fmt::format("illegal name \"{}\" of element {}: a name begins with a letter and has letters, "
                        "digits, \"-\" and \"_\", at most {}",
                        *text, name_of(node), fmri::kMaxName));
  }
  return *text;
}

bool Reporter::truth(const xmlNode* node, const char* name, bool otherwise) {
  const auto text = attribute(node, name);
  if (!text) return otherwise;
  if (*text != "true" && *text != "false") {
    problem(node, fmt::format("illegal value \"{}\" for {} (boolean)", *text, name));
  }
  return *text == "true";
}

std::string Reporter::value(const xmlNode* node, const std::string& property, ValueType type,
                            const std::string& text) {
  auto checked = repository::check_value(type, text);
  if (checked) return *checked;
  problem(node, fmt::format("illegal value \"{}\" for {} ({})", text, property, repository::to_string(type)));
  return text;
}

std::string Reporter::timeout(const xmlNode* node, const std::string& text) {
  const bool negative = text.starts_with('-');
  const char* begin = text.data() + (negative ? 1 : 0);
  const char* end = text.data() + text.size();
  uint64_t number = 0;
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc() || stop != end) {
    problem(node, fmt::format("illegal value \"{}\" for timeout_seconds (count)", text));
    return "0";
  }
  return std::to_string(negative ? -number : number);
}

std::optional<fmri::Fmri> Reporter::fmri(const xmlNode* node, const std::string& text) {
  auto parsed = fmri::Fmri::parse(text);
  if (!parsed) {
    problem(node, fmt::format("illegal value \"{}\" for value (fmri): {}", text, parsed.error().message));
    return std::nullopt;
  }
  if (!parsed->property_group.empty()) {
    problem(node, fmt::format("illegal value \"{}\" for value (fmri): it names a property", text));
    return std::nullopt;
  }
  return *parsed;
}

std::string Reporter::entity(const xmlNode* node, const std::string& type, const std::string& text) {
  if (type == "service") {
    const auto parsed = fmri(node, text);
    return parsed ? parsed->str() : text;
  }
  if (type == "path") {
    const auto path = fmri::parse_file_fmri(text);
    if (path) return text;
    problem(node, fmt::format("illegal value \"{}\" for value (fmri): {}", text, path.error().message));
  } else if (type == "host") {
    if (text.starts_with("host:") && fmri::valid_name(std::string_view(text).substr(5))) return text;
    problem(node,
            fmt::format("illegal value \"{}\" for value (fmri): a dependency on the host names a fact, as "
                        "in host:network",
                        text));
  }
  return text;
}

void set(repository::PropertyGroup& group, const std::string& property, ValueType type, std::string value) {
  group.properties[property] = repository::Property{type, {std::move(value)}};
}

repository::PropertyGroup make_group(std::string name, std::string type) {
  repository::PropertyGroup group;
  group.name = std::move(name);
  group.type = std::move(type);
  return group;
}

}  // namespace vmkeep::manifest
