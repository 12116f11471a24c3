#include "tools/config_manual.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "base/xml_text.h"
#include "tools/edit_distance.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;
using vm::Form;
using vm::Inheritance;
using vm::PropertyInfo;

constexpr size_t kWidth = 100;

std::string_view kind(Form form) {
  switch (form) {
    case Form::boolean:
      return "boolean";
    case Form::integer:
      return "integer";
    case Form::word:
      return "word";
    case Form::text:
      return "text";
    case Form::path:
      return "path";
    case Form::uuid:
      return "UUID";
    case Form::words:
      return "list of words";
    case Form::codes:
      return "list of exit codes";
    case Form::signals:
      return "list of signals";
    case Form::cpus:
      return "list of CPUs";
  }
  return "";
}

std::string standard(const PropertyInfo& property) {
  return std::string(property.standard.empty() ? property.without : property.standard);
}

// The other spellings of a choice, with commas between.
std::string synonyms(const PropertyInfo& property, std::string_view means) {
  std::string result;
  for (const auto& each : property.choices) {
    if (each.means != means || each.word == means) continue;
    result += (result.empty() ? "" : ", ") + std::string(each.word);
  }
  return result;
}

// A number's range where it says something: most of the old ones take any that is no nonsense.
bool tells_range(const PropertyInfo& property) {
  return property.form == Form::integer && (property.low > -1000 || property.high < 100000);
}

std::string facts(const PropertyInfo& property) {
  std::string line = std::string(kind(property.form));
  if (tells_range(property)) {
    line += ", " + std::to_string(property.low) + " to " + std::to_string(property.high);
  }
  line += "; " + std::string(to_string(property.inheritance)) + "; default " + standard(property);
  if (property.shipped != nullptr && property.shipped != property.standard && *property.shipped != '\0') {
    line += "; shipped " + std::string(property.shipped);
  }
  return line;
}

std::string describe(const PropertyInfo& property) {
  const std::string indent(8, ' ');
  std::string text = "vm/" + std::string(property.name) + ": " + std::string(property.title) + "\n";
  text += wrapped(facts(property), kWidth, indent);
  text += wrapped(property.text, kWidth, indent);
  for (const auto& choice : property.choices) {
    if (choice.text.empty()) continue;
    const std::string others = synonyms(property, choice.means);
    text += wrapped(std::string(choice.word) + (others.empty() ? "" : " (also " + others + ")") + ": " +
                        std::string(choice.text),
                    kWidth, indent + "  ");
  }
  return text;
}

// One sentence a line, as mdoc likes it; a line must not look like a request.
std::string sentences(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      result += "\\e";
    } else if (text[i] == ' ' && i > 0 && text[i - 1] == '.') {
      result += '\n';
    } else {
      result += text[i];
    }
  }
  return result + "\n";
}

std::string_view scope_mark(Inheritance inheritance) {
  switch (inheritance) {
    case Inheritance::service:
      return "i,s";
    case Inheritance::instance:
      return "i";
    case Inheritance::unless_user:
      return "i,s*";
    case Inheritance::unless_dual:
      return "i,s**";
  }
  return "";
}

void mdoc_item(const PropertyInfo& property, std::string& page) {
  page += ".It Sy " + std::string(property.name) + "\n" + std::string(kind(property.form));
  if (tells_range(property)) {
    page += ", " + std::to_string(property.low) + " to " + std::to_string(property.high);
  }
  page += "; from " + std::string(scope_mark(property.inheritance)) + "; default " + standard(property);
  if (property.shipped != nullptr && property.shipped != property.standard && *property.shipped != '\0') {
    page += "; shipped " + std::string(property.shipped);
  }
  std::string title(property.title);
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  page += ".\n" + title + ".\n" + sentences(property.text);
  if (property.choices.empty()) return;
  page += ".Bl -tag -width Ds -compact\n";
  for (const auto& choice : property.choices) {
    if (choice.text.empty()) continue;
    const std::string others = synonyms(property, choice.means);
    page += ".It Li " + std::string(choice.word) + "\n" + sentences(choice.text);
    if (!others.empty()) page += "Also " + others + ".\n";
  }
  page += ".El\n";
}

// ---- XML

std::string loctext(const std::string& element, std::string_view text, const std::string& indent) {
  std::string one = indent + "<" + element + "><loctext xml:lang='C'>" + xml_escaped(text) + "</loctext></" +
                    element + ">\n";
  if (one.size() <= kWidth + 10) return one;
  return indent + "<" + element + ">\n" + indent + "  <loctext xml:lang='C'>\n" +
         wrapped(xml_escaped(text), kWidth + 10, indent + "    ") + indent + "  </loctext>\n" + indent +
         "</" + element + ">\n";
}

std::string values_of(const PropertyInfo& property, const std::string& indent) {
  std::string xml = indent + "<values>\n";
  for (const auto& choice : property.choices) {
    if (choice.text.empty()) continue;
    xml += indent + "  <value name='" + xml_escaped(choice.word) + "'>\n" +
           loctext("description", choice.text, indent + "    ") + indent + "  </value>\n";
  }
  return xml + indent + "</values>\n";
}

// What a value may be, other spellings and the empty one included; a list of words that may be written in any
// case cannot be told here.
std::string constraints_of(const PropertyInfo& property, const std::string& indent) {
  if (property.form == Form::integer) {
    return indent + "<constraints><range min='" + std::to_string(property.low) + "' max='" +
           std::to_string(property.high) + "'/></constraints>\n";
  }
  if (property.form != Form::word || property.any_case) return "";
  std::string xml = indent + "<constraints>\n";
  for (const auto& choice : property.choices) {
    xml += indent + "  <value name='" + xml_escaped(choice.word) + "'/>\n";
  }
  return xml + indent + "  <value name=''/>\n" + indent + "</constraints>\n";
}

std::string pattern_of(const PropertyInfo& property) {
  const std::string outer(8, ' ');
  const std::string indent(10, ' ');
  std::string xml = outer + "<prop_pattern name='" + std::string(property.name) + "' type='" +
                    std::string(repository::to_string(value_type(property.form))) + "' required='false'>\n";
  xml += loctext("common_name", property.title, indent);
  xml += loctext("description",
                 std::string(property.text) + " Read from: " + std::string(to_string(property.inheritance)) +
                     ". Default: " + standard(property) + ".",
                 indent);
  xml += indent + (is_list(property.form) ? "<cardinality min='0'/>\n" : "<cardinality min='0' max='1'/>\n");
  if (!property.choices.empty()) xml += values_of(property, indent);
  xml += constraints_of(property, indent);
  if (!property.choices.empty()) xml += indent + "<choices><include_values type='values'/></choices>\n";
  return xml + outer + "</prop_pattern>\n";
}

}  // namespace

PropertyList all_properties() {
  PropertyList result;
  for (const auto& property : vm::properties()) result.push_back(&property);
  return result;
}

std::string wrapped(std::string_view text, size_t width, const std::string& indent) {
  std::string result;
  std::string line = indent;
  while (!text.empty()) {
    const size_t blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    text = blank == std::string_view::npos ? std::string_view() : text.substr(blank + 1);
    if (line.size() > indent.size() && line.size() + 1 + word.size() > width) {
      result += line + "\n";
      line = indent;
    }
    if (line.size() > indent.size()) line += ' ';
    line += word;
  }
  return result + line + "\n";
}

std::string manual_text(const PropertyList& properties) {
  std::string text;
  const PropertyInfo* before = nullptr;
  for (const auto* property : properties) {
    if (before == nullptr || before->section != property->section) {
      if (properties.size() > 1) {
        text += (text.empty() ? "" : "\n") + std::string(title(property->section)) + "\n\n";
      }
    } else {
      text += "\n";
    }
    text += describe(*property);
    before = property;
  }
  return text;
}

json::array manual_json(const PropertyList& properties) {
  json::array all;
  for (const auto* property : properties) {
    json::object row{{"name", "vm/" + std::string(property->name)},
                     {"section", title(property->section)},
                     {"type", repository::to_string(value_type(property->form))},
                     {"list", is_list(property->form)},
                     {"from", to_string(property->inheritance)},
                     {"default", property->standard},
                     {"without", property->without},
                     {"allowed", allowed(*property)},
                     {"new", property->fresh},
                     {"title", property->title},
                     {"text", property->text}};
    if (property->shipped != nullptr) row["shipped"] = property->shipped;
    json::array choices;
    for (const auto& choice : property->choices) {
      choices.push_back(json::object{{"word", choice.word}, {"means", choice.means}, {"text", choice.text}});
    }
    if (!choices.empty()) row["choices"] = std::move(choices);
    all.push_back(std::move(row));
  }
  return all;
}

std::string manual_mdoc() {
  std::string page;
  const PropertyInfo* before = nullptr;
  for (const auto& property : vm::properties()) {
    if (before == nullptr || before->section != property.section) {
      if (before != nullptr) page += ".El\n";
      page += ".Ss " + std::string(title(property.section)) + "\n.Bl -tag -width Ds\n";
    }
    mdoc_item(property, page);
    before = &property;
  }
  return page + ".El\n";
}

std::string manifest_group() {
  const std::string indent(6, ' ');
  std::string xml = "    <property_group name='vm' type='application'>\n";
  for (const auto& property : vm::properties()) {
    if (property.shipped == nullptr) continue;
    const std::string head = " name='" + std::string(property.name) + "' type='" +
                             std::string(repository::to_string(value_type(property.form))) + "'";
    const auto values = is_list(property.form) ? vm::normalise(property, {property.shipped})
                                               : Result<std::vector<std::string>>{{property.shipped}};
    if (values && values->size() > 1) {
      xml += indent + "<property" + head + ">\n" + indent + "  <astring_list>\n";
      for (const auto& value : *values) {
        xml += indent + "    <value_node value='" + xml_escaped(value) + "'/>\n";
      }
      xml += indent + "  </astring_list>\n" + indent + "</property>\n";
    } else {
      xml += indent + "<propval" + head + " value='" + xml_escaped(property.shipped) + "'/>\n";
    }
  }
  return xml + "    </property_group>\n";
}

std::string manifest_template() {
  const std::string indent(6, ' ');
  std::string xml = indent + "<pg_pattern name='vm' type='application' target='all' required='false'>\n";
  xml += loctext("common_name", "how an instance keeps its VM", indent + "  ");
  for (const auto& property : vm::properties()) xml += pattern_of(property);
  return xml + indent + "</pg_pattern>\n";
}

std::string_view nearest_property(std::string_view name) {
  std::string_view best;
  size_t nearest = name.size() / 3 + 1;
  for (const auto& property : vm::properties()) {
    const size_t far = edit_distance(name, property.name);
    if (far < nearest) {
      nearest = far;
      best = property.name;
    }
  }
  return best;
}

}  // namespace vmkeep::tools
