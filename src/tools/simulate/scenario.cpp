#include "tools/simulate/scenario.h"

#include <algorithm>
#include <sstream>

namespace vmkeep::simulate {
namespace {

using restarter::Words;

// Without an end of its own a scenario goes on for that long after its last statement.
constexpr Instant kAfterwards{3'600'000};

// What stands before a "#" that begins a word.
std::string without_comment(const std::string& line) {
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') quoted = !quoted;
    if (line[i] == '#' && !quoted && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
      return line.substr(0, i);
    }
  }
  return line;
}

std::string joined(const Words& words) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text += ' ';
    text += word.find(' ') == std::string::npos && !word.empty() ? word : '"' + word + '"';
  }
  return text;
}

class Reader {
 public:
  Reader(Scenario& scenario, const Sources& sources) : scenario_(scenario), sources_(sources) {}

  Result<> line(int number, const Words& words) {
    const std::string& word = words[0];
    number_ = number;
    if (words.size() > 1 && words[1] == "=") return property(words);
    if (word == "needs") return needs(words);
    entity_ = {};
    if (word == "manifest") return each(words, sources_.manifest);
    if (word == "running") return sources_.running(scenario_.configuration, {words.begin() + 1, words.end()});
    if (word == "service" || word == "instance") return begin_entity(words);
    if (word == "given") return given(words);
    if (word == "at") return act(words);
    if (word == "expect") return expectation(words);
    if (word == "until") {
      auto end = time(words, 1);
      if (!end || words.size() != 2) return fail(ErrorKind::invalid, "until needs a time, such as 10m");
      until_ = *end;
      return {};
    }
    return fail(ErrorKind::invalid, fmri::quote(word) + " begins no statement");
  }

  void finish() {
    auto& configuration = scenario_.configuration;
    for (const auto& instance : written_) configuration.complete(instance);
    scenario_.assumed = configuration.assume_missing(absent_);
    Instant last{};
    for (const auto* statements : {&scenario_.acts, &scenario_.expectations}) {
      for (const auto& s : *statements) last = std::max(last, s.at.value_or(Instant(0)));
    }
    scenario_.until = until_.value_or(last + kAfterwards);
  }

 private:
  static Result<> each(const Words& words, const std::function<Result<>(const std::string&)>& what) {
    if (words.size() < 2) return fail(ErrorKind::invalid, words[0] + " needs a name");
    for (size_t i = 1; i < words.size(); ++i) {
      if (auto done = what(words[i]); !done) return done;
    }
    return {};
  }
  Result<> each(const Words& words, const std::function<Result<>(Configuration&, const std::string&)>& what) {
    return each(words, [&](const std::string& name) { return what(scenario_.configuration, name); });
  }

  static Result<Instant> time(const Words& words, size_t index) {
    const auto when = index < words.size() ? restarter::duration(words[index]) : std::nullopt;
    if (when) return *when;
    return fail(ErrorKind::invalid, "a time is missing: 250ms, 20s, 5m or 2h after the boot");
  }

  Result<> begin_entity(const Words& words) {
    if (words.size() < 2) return fail(ErrorKind::invalid, words[0] + " needs a name");
    auto& configuration = scenario_.configuration;
    const std::string& name = words[1];
    if (words[0] == "service") {
      auto parsed = fmri::Fmri::parse(name);
      if (!parsed) return parsed.error();
      entity_ = parsed->service_fmri();
      configuration.services[entity_.service];
      return {};
    }
    if (const auto known = configuration.find(name)) {
      entity_ = *known;
    } else {
      // A bare word is a VM.
      const bool bare = name.find_first_of(":/") == std::string::npos;
      auto parsed = fmri::Fmri::parse(bare ? "site/xvm/vbox:" + name : name);
      if (!parsed) return parsed.error();
      if (!parsed->is_instance()) parsed->instance = "default";
      entity_ = *parsed;
      configuration.services[entity_.service];
      configuration.instances[entity_];
      written_.push_back(entity_);
    }
    if (words.size() > 2 && words[2] != "disabled" && words[2] != "enabled") {
      return fail(ErrorKind::invalid, fmri::quote(words[2]) + " is neither enabled nor disabled");
    }
    if (words.size() > 2) configuration.instances[entity_].enabled = words[2] == "enabled";
    return {};
  }

  Result<> property(const Words& words) {
    if (entity_.service.empty())
      return fail(ErrorKind::invalid, "a property belongs below a service or an instance");
    return scenario_.configuration.set(entity_, words[0], {words.begin() + 2, words.end()});
  }

  // needs [GROUPING[/RESTART_ON]] ENTITY...
  Result<> needs(const Words& words) {
    if (entity_.service.empty())
      return fail(ErrorKind::invalid, "needs belongs below a service or an instance");
    std::string grouping = "require_all", restart_on = "none", type = "service";
    repository::Property entities{repository::ValueType::astring, {}};
    for (size_t i = 1; i < words.size(); ++i) {
      const auto slash = words[i].find('/');
      const std::string head = words[i].substr(0, slash);
      if (i == 1 && graph::grouping(head)) {
        grouping = head;
        if (slash != std::string::npos) restart_on = words[i].substr(slash + 1);
      } else if (words[i].starts_with("host:") || words[i].starts_with("file:")) {
        type = words[i].starts_with("host:") ? "host" : "path";
        entities.values.push_back(words[i]);
      } else if (const auto known = scenario_.configuration.find(words[i])) {
        entities.values.push_back(known->str());
      } else {
        const bool whole = words[i].find('/') != std::string::npos;
        auto parsed = fmri::Fmri::parse(words[i]);
        if (!parsed) return parsed.error();
        if (!whole) return fail(ErrorKind::invalid, "no instance is called " + fmri::quote(words[i]));
        entities.values.push_back(parsed->str());
      }
    }
    if (entities.values.empty()) return fail(ErrorKind::invalid, "needs needs a name");
    repository::PropertyGroup group;
    auto& groups = scenario_.configuration.groups(entity_);
    group.name = "needs" + std::to_string(number_);
    group.type = "dependency";
    const auto one = [](std::string value) {
      return repository::Property{repository::ValueType::astring, {std::move(value)}};
    };
    group.properties = {{"grouping", one(grouping)},
                        {"restart_on", one(restart_on)},
                        {"type", one(type)},
                        {"entities", entities}};
    groups.insert_or_assign(group.name, std::move(group));
    return {};
  }

  Result<> given(const Words& words) {
    if (words.size() == 4 && words[1] == "host" && (words[3] == "up" || words[3] == "down")) {
      scenario_.facts[words[2]] = words[3] == "up";
      return {};
    }
    if (words.size() == 3 && words[2] == "absent") {
      auto name = fmri::Fmri::parse(words[1]);
      if (!name) return name.error();
      absent_.push_back(name->str());
      return {};
    }
    if (words.size() == 3 && (words[2] == "enabled" || words[2] == "disabled")) {
      auto found = scenario_.configuration.find(words[1]);
      if (!found) return found.error();
      scenario_.configuration.instances[*found].enabled = words[2] == "enabled";
      return {};
    }
    scenario_.given.push_back({number_, joined(words), {words.begin() + 1, words.end()}, {}, {}});
    return {};
  }

  Result<> act(const Words& words) {
    const auto when = time(words, 1);
    if (!when) return when.error();
    Statement statement{number_, {}, {}, *when, {}};
    size_t next = 2;
    if (words.size() > 2 && words[2] == "every") {
      const auto every = time(words, 3);
      if (!every) return every.error();
      if (every->count() == 0) return fail(ErrorKind::invalid, "every needs more than nothing");
      statement.every = *every;
      next = 4;
    }
    statement.words = {words.begin() + static_cast<ptrdiff_t>(std::min(next, words.size())), words.end()};
    statement.text = joined(statement.words);
    scenario_.acts.push_back(std::move(statement));
    return {};
  }

  Result<> expectation(const Words& words) {
    Statement statement{number_, {}, {}, {}, {}};
    size_t next = 1;
    if (words.size() > 1 && words[1] == "at") {
      const auto when = time(words, 2);
      if (!when) return when.error();
      statement.at = *when;
      next = 3;
    }
    statement.words = {words.begin() + static_cast<ptrdiff_t>(std::min(next, words.size())), words.end()};
    statement.text = joined(statement.words);
    scenario_.expectations.push_back(std::move(statement));
    return {};
  }

  Scenario& scenario_;
  const Sources& sources_;
  int number_ = 0;
  fmri::Fmri entity_;  // whose properties follow
  std::vector<fmri::Fmri> written_;
  std::vector<std::string> absent_;
  std::optional<Instant> until_;
};

}  // namespace

Result<Scenario> read_scenario(const std::string& name, const std::string& text, const Sources& sources) {
  Scenario scenario;
  Reader reader(scenario, sources);
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const Words words = restarter::split(without_comment(line));
    if (words.empty()) continue;
    if (auto read = reader.line(number, words); !read) {
      return fail(ErrorKind::invalid, name + ":" + std::to_string(number) + ": " + read.error().message);
    }
  }
  reader.finish();
  if (scenario.configuration.instances.empty()) {
    return fail(ErrorKind::invalid,
                name + ": there is no instance to simulate; begin with running, manifest or instance");
  }
  return scenario;
}

}  // namespace vmkeep::simulate
