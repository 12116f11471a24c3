#include "daemon/listing.h"

#include <algorithm>
#include <map>
#include <set>

#include "control/json_text.h"
#include "repository/look.h"

namespace vmkeep::daemon {
namespace {

using fmri::Entry;
using fmri::Fmri;

// The member "patterns" of a call; nothing: everything is wanted.
Result<std::optional<std::vector<std::string>>> patterns_of(const control::Call& call) {
  const auto* given = call.parameters.if_contains("patterns");
  if (given == nullptr || given->is_null()) return std::optional<std::vector<std::string>>();
  auto patterns = control::strings_member(call.parameters, "patterns");
  if (!patterns) return patterns.error();
  return std::optional(std::move(*patterns));
}

// Deleted ones that are still being stopped among them.
Result<std::vector<Entry>> everything(Core& core) {
  auto entries = core.store->entries();
  if (!entries) return entries;
  for (const auto& [name, record] : core.records) {
    if (!record.removed) continue;
    const auto at = std::find_if(entries->begin(), entries->end(), [&record = record](const Entry& entry) {
      return entry.service == record.fmri.service;
    });
    if (at != entries->end()) {
      at->instances.push_back(record.fmri.instance);
    } else {
      entries->push_back({record.fmri.service, {record.fmri.instance}});
    }
  }
  return entries;
}

// What the patterns match.  Who names one thing exactly is not made to wait for a look at all of them.
Result<std::set<Fmri>> matched(Core& core, const std::vector<std::string>& patterns, fmri::Want want) {
  std::set<Fmri> found;
  std::optional<std::vector<Entry>> entries;
  for (const std::string& pattern : patterns) {
    const auto exact = Fmri::parse(pattern);
    const bool whole = exact && exact->property_group.empty() && exact->is_instance();
    if (whole && (core.record(exact->str()) != nullptr || repository::look(*core.store, *exact))) {
      found.insert(*exact);
      continue;
    }
    if (!entries) {
      auto all = everything(core);
      if (!all) return all.error();
      entries = std::move(*all);
    }
    auto match = fmri::resolve(pattern, *entries, want);
    found.insert(match.found.begin(), match.found.end());
  }
  return found;
}

// Those that the restarter was never told about (2.8).
std::vector<Fmri> unconfigured(Core& core, const std::vector<Entry>& entries) {
  size_t there = 0;
  for (const Entry& entry : entries) there += entry.instances.size();
  // Every record that is not removed is one of them, and nearly always that is all.
  const auto known = std::count_if(core.records.begin(), core.records.end(),
                                   [](const auto& each) { return !each.second.removed; });
  std::vector<Fmri> names;
  if (there == static_cast<size_t>(known)) return names;
  for (const Entry& entry : entries) {
    for (const std::string& instance : entry.instances) {
      Fmri name{entry.service, instance, {}, {}};
      if (core.record(name.str()) == nullptr) names.push_back(std::move(name));
    }
  }
  return names;
}

// The elements of the JSON array of instances.
class Writer {
 public:
  Writer(Instances& instances, Instances::Detail detail) : instances_(instances), detail_(detail) {}

  void add(const Record& record) {
    if (!text_.empty()) text_ += ',';
    control::append_json(text_, instances_.describe(record, detail_));
  }
  void add_unconfigured(const Fmri& name) {
    Record nobody;
    nobody.fmri = name;
    add(nobody);
  }
  const std::string& text() const { return text_; }

 private:
  Instances& instances_;
  Instances::Detail detail_;
  std::string text_;
};

Result<> write_all(Core& core, Writer& writer) {
  auto entries = core.store->entries();
  if (!entries) return entries.error();
  for (const auto& [name, record] : core.records) writer.add(record);
  for (const Fmri& name : unconfigured(core, *entries)) writer.add_unconfigured(name);
  return {};
}

Result<> write_some(Core& core, const std::vector<std::string>& patterns, Writer& writer) {
  auto names = matched(core, patterns, fmri::Want::instances);
  if (!names) return names.error();
  for (const Fmri& name : *names) {
    if (const Record* record = core.record(name.str())) {
      writer.add(*record);
    } else {
      writer.add_unconfigured(name);
    }
  }
  return {};
}

std::string facts_text(Core& core) {
  std::string text;
  for (const auto& fact : core.host->read()) {
    text += text.empty() ? "{\"name\":" : ",{\"name\":";
    control::append_json(text, fact.name);
    text += fact.holds ? ",\"holds\":true,\"why\":" : ",\"holds\":false,\"why\":";
    control::append_json(text, fact.why);
    text += '}';
  }
  return text;
}

}  // namespace

void answer_entries(Core& core, const control::Call& call) {
  auto patterns = patterns_of(call);
  if (!patterns) return call.fail(patterns.error());
  if (!*patterns) {
    auto entries = core.store->entries();
    if (!entries) return call.fail(entries.error());
    return call.reply({{"entries", control::to_json(*entries)}});
  }
  std::map<std::string, std::vector<std::string>> services;
  for (const auto want : {fmri::Want::instances, fmri::Want::services_or_instances}) {
    auto names = matched(core, **patterns, want);
    if (!names) return call.fail(names.error());
    for (const Fmri& name : *names) {
      auto& instances = services[name.service];
      const auto at = std::lower_bound(instances.begin(), instances.end(), name.instance);
      if (name.is_instance() && (at == instances.end() || *at != name.instance)) {
        instances.insert(at, name.instance);
      }
    }
  }
  std::vector<Entry> entries;
  entries.reserve(services.size());
  for (auto& [service, instances] : services) entries.push_back({service, std::move(instances)});
  call.reply({{"entries", control::to_json(entries)}});
}

void answer_instances(Core& core, Instances& instances, const control::Call& call) {
  auto patterns = patterns_of(call);
  if (!patterns) return call.fail(patterns.error());
  const bool dependencies = control::bool_member(call.parameters, "dependencies", false);
  const bool brief = control::bool_member(call.parameters, "brief", false);
  using Detail = Instances::Detail;
  Writer writer(instances, dependencies ? Detail::dependencies : brief ? Detail::brief : Detail::plain);
  const auto written = *patterns ? write_some(core, **patterns, writer) : write_all(core, writer);
  if (!written) return call.fail(written.error());
  std::string text = "{\"instances\":[" + writer.text() + "],\"facts\":[";
  if (dependencies && core.host) text += facts_text(core);
  control::reply_text(call, text + "]}");
}

}  // namespace vmkeep::daemon
