#include "vm/properties.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <utility>

namespace vmkeep::vm {
namespace {

using Values = std::vector<std::string>;

// Above what any host has; keeps "0-99999999999" from filling the memory.
constexpr int64_t kMaxCpu = 4095;

constexpr std::array<std::pair<std::string_view, int>, 24> kSignals{{
    {"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ILL", SIGILL},     {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},   {"USR1", SIGUSR1},   {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2},     {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM},   {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ},     {"PROF", SIGPROF}, {"SYS", SIGSYS},   {"WINCH", SIGWINCH}, {"IO", SIGIO},
    {"VTALRM", SIGVTALRM}, {"PWR", SIGPWR},   {"IOT", SIGABRT},  {"POLL", SIGIO},
}};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool whole(std::string_view text, int64_t& number) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size();
}

bool printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// At blanks; "\ " is one too, for so svcprop shows a blank, and so it came into old configurations.
Values split(std::string_view text) {
  Values result;
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    const bool quoted = i + 1 < text.size() && text[i] == '\\' && text[i + 1] == ' ';
    if (i < text.size() && !quoted && text[i] != ' ' && text[i] != '\t') {
      word += text[i];
      continue;
    }
    if (!word.empty()) result.push_back(std::move(word));
    word.clear();
    if (quoted) ++i;
  }
  return result;
}

// Of words, several values are entries as they are; of anything else no entry can have a blank.
Values entries_of(Form form, const Values& values) {
  Values result;
  for (const auto& value : values) {
    if (form == Form::words && values.size() > 1) {
      if (!value.empty()) result.push_back(value);
      continue;
    }
    for (auto& word : split(value)) result.push_back(std::move(word));
  }
  return result;
}

bool cpu_range(std::string_view text, int64_t& first, int64_t& last) {
  const auto dash = text.find('-');
  if (!whole(text.substr(0, dash), first)) return false;
  last = first;
  if (dash != std::string_view::npos && !whole(text.substr(dash + 1), last)) return false;
  return first >= 0 && first <= last && last <= kMaxCpu;
}

bool uuid(std::string& text) {
  text = lower(text);
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  bool good = text.size() == 36;
  for (size_t i = 0; good && i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    good = dash ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  }
  return good;
}

bool choice(const PropertyInfo& property, std::string& text) {
  const std::string wanted = property.any_case ? lower(text) : text;
  for (const auto& each : property.choices) {
    if (each.word != wanted) continue;
    text = each.means;
    return true;
  }
  return false;
}

// Commas are another spelling of the blank here, as in cpuset files.
bool cpus(Values& entries) {
  Values result;
  for (auto entry : entries) {
    std::replace(entry.begin(), entry.end(), ',', ' ');
    for (auto& range : split(entry)) {
      int64_t first = 0;
      int64_t last = 0;
      if (!cpu_range(range, first, last)) return false;
      result.push_back(std::move(range));
    }
  }
  entries = std::move(result);
  return true;
}

// One entry; changes it to its normal form.
bool good(const PropertyInfo& property, std::string& text) {
  int64_t number = 0;
  switch (property.form) {
    case Form::boolean:
      return text == "true" || text == "false";
    case Form::integer:
      if (!whole(text, number) || number < property.low || number > property.high) return false;
      text = std::to_string(number);
      return true;
    case Form::word:
      return choice(property, text);
    case Form::path:
      return text.front() == '/' && printable(text);
    case Form::uuid:
      return uuid(text);
    case Form::codes:
      if (!whole(text, number) || number < 0 || number > 255) return false;
      text = std::to_string(number);
      return true;
    case Form::signals:
      return signal_number(text) != 0;
    case Form::text:
    case Form::words:
    case Form::cpus:
      return printable(text);
  }
  return false;
}

std::string quoted(const Values& values) {
  std::string result;
  for (const auto& value : values) result += (result.empty() ? "\"" : " \"") + value + "\"";
  return result;
}

Error refused(const PropertyInfo& property, const Values& values, std::string_view more = "") {
  return fail(ErrorKind::invalid,
              "is " + quoted(values) + "; it must be " + allowed(property) + std::string(more));
}

}  // namespace

std::span<const PropertyInfo> properties() {
  static const std::vector<PropertyInfo> all = [] {
    std::vector<PropertyInfo> rows;
    for (const auto part :
         {start_stop_properties(), monitor_properties(), check_properties(), host_properties()}) {
      rows.insert(rows.end(), part.begin(), part.end());
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.section < b.section; });
    return rows;
  }();
  return all;
}

const PropertyInfo* find_property(std::string_view name) {
  const auto all = properties();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const PropertyInfo& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string_view title(Section section) {
  switch (section) {
    case Section::which:
      return "Which VM";
    case Section::start:
      return "Start";
    case Section::stop:
      return "Stop";
    case Section::monitor:
      return "Monitor";
    case Section::check:
      return "Hook";
    case Section::guest:
      return "Guest";
    case Section::resources:
      return "Resources";
    case Section::snapshots:
      return "ZFS snapshots";
    case Section::gui:
      return "Window";
    case Section::diagnosis:
      return "Diagnosis";
    case Section::old:
      return "Accepted, without effect";
  }
  return "";
}

repository::ValueType value_type(Form form) {
  switch (form) {
    case Form::boolean:
      return repository::ValueType::boolean;
    case Form::integer:
      return repository::ValueType::integer;
    default:
      return repository::ValueType::astring;
  }
}

bool is_list(Form form) {
  return form == Form::words || form == Form::codes || form == Form::signals || form == Form::cpus;
}

std::string allowed(const PropertyInfo& property) {
  switch (property.form) {
    case Form::boolean:
      return "true or false";
    case Form::integer:
      return "a whole number from " + std::to_string(property.low) + " to " + std::to_string(property.high);
    case Form::word: {
      std::string result;
      for (size_t i = 0; i < property.choices.size(); ++i) {
        if (i > 0) result += i + 1 == property.choices.size() ? " or " : ", ";
        result += property.choices[i].word;
      }
      return result;
    }
    case Form::text:
      return "one line of text";
    case Form::path:
      return "an absolute path";
    case Form::uuid:
      return "a UUID such as bd419973-420b-435b-a7ba-2a590a615572";
    case Form::words:
      return "words, without control characters";
    case Form::codes:
      return "exit codes from 0 to 255";
    case Form::signals:
      return "names of signals such as SIGTERM, and not KILL or STOP";
    case Form::cpus:
      return "numbers of CPUs and ranges of them, such as 0-3 or 0,2";
  }
  return "";
}

std::string_view to_string(Inheritance inheritance) {
  switch (inheritance) {
    case Inheritance::service:
      return "instance, else service";
    case Inheritance::instance:
      return "instance only";
    case Inheritance::unless_user:
      return "instance, else service; of an interactive or dual-boot VM the instance only";
    case Inheritance::unless_dual:
      return "instance, else service; of a dual-boot VM the instance only";
  }
  return "";
}

Result<Values> normalise(const PropertyInfo& property, const Values& values) {
  if (values.empty() || (values.size() == 1 && values[0].empty())) return Values{};
  if (!is_list(property.form) && values.size() > 1) return refused(property, values, ", and one only");
  Values entries = is_list(property.form) ? entries_of(property.form, values) : values;
  for (auto& entry : entries) {
    if (!good(property, entry)) return refused(property, values);
  }
  if (property.form == Form::cpus && !cpus(entries)) return refused(property, values);
  return entries;
}

int64_t to_integer(std::string_view value) {
  int64_t number = 0;
  return whole(value, number) ? number : 0;
}

int signal_number(std::string_view name) {
  if (name.starts_with("SIG")) name.remove_prefix(3);
  int64_t number = 0;
  const bool numeric = whole(name, number);
  for (const auto& [word, signal] : kSignals) {
    if (word == name || (numeric && number == signal)) return signal;
  }
  return 0;
}

std::vector<int> to_cpus(const Values& entries) {
  std::vector<int> result;
  for (const auto& entry : entries) {
    int64_t first = 0;
    int64_t last = 0;
    if (!cpu_range(entry, first, last)) continue;
    for (int64_t cpu = first; cpu <= last; ++cpu) result.push_back(static_cast<int>(cpu));
  }
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

}  // namespace vmkeep::vm
