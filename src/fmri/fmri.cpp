#include "fmri/fmri.h"

#include <algorithm>

namespace vmkeep::fmri {
namespace {

constexpr std::string_view kPrefix = "svc:";
constexpr std::string_view kProperties = "/:properties/";
constexpr size_t kMaxQuoted = 200;

// Not <cctype>: those depend on the locale, and names must not.
bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_char(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
}

bool valid_ident(std::string_view text) {
  return !text.empty() && is_alpha(text.front()) && std::all_of(text.begin(), text.end(), is_name_char);
}

bool valid_vendor(std::string_view text) {
  return !text.empty() && is_alpha(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_name_char(c) || c == '.'; });
}

Error bad(std::string_view whole, const std::string& why) {
  return fail(ErrorKind::invalid, "FMRI " + quote(whole) + ": " + why);
}

std::string not_a_name(const char* what, std::string_view name) {
  if (name.empty()) return std::string(what) + " name is empty";
  std::string text = std::string(what) + " name " + quote(name);
  if (name.size() > kMaxName) return text + " is longer than " + std::to_string(kMaxName) + " bytes";
  return text + " is not valid (letters, digits, \"-\" and \"_\", beginning with a letter)";
}

// Takes the scope off the front: "//localhost/rest", "///rest" or a single optional "/".
Result<std::string_view> after_scope(std::string_view whole, std::string_view rest) {
  if (!rest.starts_with("//")) return rest.starts_with('/') ? rest.substr(1) : rest;
  rest.remove_prefix(2);
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return bad(whole, "there is no service after the scope");
  std::string_view scope = rest.substr(0, slash);
  constexpr std::string_view kAtLocalhost = "@localhost";
  if (scope.ends_with(kAtLocalhost)) scope.remove_suffix(kAtLocalhost.size());
  if (!scope.empty() && scope != "localhost")
    return bad(whole, "scope " + quote(scope) + " is not localhost");
  return rest.substr(slash + 1);
}

Result<> check_parts(std::string_view whole, const Fmri& fmri, bool has_instance, bool has_property) {
  if (!valid_service(fmri.service)) return bad(whole, not_a_name("service", fmri.service));
  if (has_instance && !valid_name(fmri.instance)) return bad(whole, not_a_name("instance", fmri.instance));
  if (!fmri.property_group.empty() && !valid_name(fmri.property_group))
    return bad(whole, not_a_name("property group", fmri.property_group));
  if (has_property && !valid_name(fmri.property)) return bad(whole, not_a_name("property", fmri.property));
  return {};
}

}  // namespace

std::string quote(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kMaxQuoted)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  if (text.size() > kMaxQuoted) out += "...";
  return out + "\"";
}

bool valid_name(std::string_view name) {
  if (name.size() > kMaxName) return false;
  const size_t comma = name.find(',');
  if (comma == std::string_view::npos) return valid_ident(name);
  return valid_vendor(name.substr(0, comma)) && valid_ident(name.substr(comma + 1));
}

bool valid_service(std::string_view service) {
  if (service.size() > kMaxName) return false;
  for (;;) {
    const size_t slash = service.find('/');
    if (!valid_name(service.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    service.remove_prefix(slash + 1);
  }
}

std::string Fmri::entity() const {
  std::string text = "svc:/" + service;
  if (!instance.empty()) text.append(":").append(instance);
  return text;
}

std::string Fmri::str() const {
  std::string text = entity();
  if (!property_group.empty()) {
    text.append(kProperties).append(property_group);
    if (!property.empty()) text.append("/").append(property);
  }
  return text;
}

Result<Fmri> Fmri::parse(std::string_view text) {
  if (text.size() > kMaxFmri) return bad(text, "longer than " + std::to_string(kMaxFmri) + " bytes");
  if (text.starts_with("lrc:")) return bad(text, "legacy services are not supported");
  if (text.starts_with("file:")) return bad(text, "names a file, not a service");
  std::string_view rest = text;
  if (rest.starts_with(kPrefix)) rest.remove_prefix(kPrefix.size());
  auto scoped = after_scope(text, rest);
  if (!scoped) return scoped.error();
  rest = *scoped;

  Fmri fmri;
  bool has_property = false;
  const size_t properties = rest.find(kProperties);
  if (properties != std::string_view::npos) {
    const std::string_view path = rest.substr(properties + kProperties.size());
    rest = rest.substr(0, properties);
    const size_t slash = path.find('/');
    fmri.property_group = path.substr(0, slash);
    if (fmri.property_group.empty()) return bad(text, not_a_name("property group", ""));
    has_property = slash != std::string_view::npos;
    if (has_property) fmri.property = path.substr(slash + 1);
  }
  const size_t colon = rest.find(':');
  fmri.service = rest.substr(0, colon);
  const bool has_instance = colon != std::string_view::npos;
  if (has_instance) fmri.instance = rest.substr(colon + 1);
  if (auto checked = check_parts(text, fmri, has_instance, has_property); !checked) return checked.error();
  return fmri;
}

Result<std::string> parse_file_fmri(std::string_view text) {
  std::string_view path = text;
  if (!path.starts_with("file:")) return bad(text, "does not begin with \"file:\"");
  path.remove_prefix(5);
  if (path.starts_with("//")) {
    path.remove_prefix(2);
    const size_t slash = path.find('/');
    const std::string_view host = path.substr(0, slash);
    if (!host.empty() && host != "localhost") return bad(text, "host " + quote(host) + " is not localhost");
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  }
  if (!path.starts_with('/')) return bad(text, "the path is not absolute");
  if (path.find('\0') != std::string_view::npos) return bad(text, "the path has a NUL byte");
  if (path == "/") return bad(text, "the path \"/\" alone is not allowed");
  return std::string(path);
}

std::string log_stem(const Fmri& instance) {
  std::string stem = instance.service;
  std::replace(stem.begin(), stem.end(), '/', '-');
  return instance.instance.empty() ? stem : stem + ":" + instance.instance;
}

}  // namespace vmkeep::fmri
