// svcs --watch: the list as it is, and then a line for whatever changes, as vmkeepd tells it.  Nothing is
// asked twice, and nothing is missed in between: it listens before it looks.
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <ctime>

#include "tools/json_text.h"
#include "tools/svcs.h"

namespace vmkeep::tools {
namespace {

namespace json = boost::json;
using control::InstanceMessage;

class Follower {
 public:
  Follower(const SvcsRequest& request, Output& output) : request_(request), output_(output) {}

  int run() {
    auto watcher = control::Client::connect();
    auto begun = watcher ? watcher->call_more("Watch", {}) : Result<>(watcher.error());
    if (begun) {
      auto first = next(*watcher);
      begun = first ? Result<>() : Result<>(first.error());
    }
    auto client = control::Client::connect();
    auto world =
        begun && client ? fetch_world(*client, false) : Result<World>(begun ? client.error() : begun.error());
    if (!world) {
      output_.warn(world.error().message);
      return output_.finish();
    }
    if (!list(*world)) return output_.finish();
    for (;;) {
      auto told = next(*watcher);
      if (!told) {
        output_.warn(told.error().message);
        return output_.finish();
      }
      take(*told);
      if (!output_.flush()) return output_.finish();
    }
  }

 private:
  static Result<json::object> next(control::Client& watcher) {
    constexpr Instant kAgain{3'600'000};
    for (;;) {
      auto told = watcher.next(now() + kAgain);
      if (told || told.error().kind != ErrorKind::timeout) return told;
    }
  }

  bool list(const World& world) {
    Rows rows = plain_rows(request_, world, output_);
    const Table table(columns_of(request_), std::time(nullptr));
    sort_rows(request_, table, rows);
    if (request_.header && !request_.json) output_.print(table.header());
    for (const InstanceMessage* row : rows) tell("listed", *row);
    return output_.flush();
  }

  void take(const json::object& told) {
    if (const json::value* list = told.if_contains("instances"); list != nullptr && list->is_array()) {
      for (const json::value& element : list->get_array()) {
        if (auto instance = control::instance_from(element)) changed(*instance);
      }
    }
    if (auto removed = control::strings_member(told, "removed")) {
      for (const std::string& fmri : *removed) gone(fmri);
    }
  }

  void changed(const InstanceMessage& instance) {
    const bool known = shown_.contains(instance.fmri);
    if (known || is_listed(request_, instance)) tell(known ? "changed" : "added", instance);
  }

  // A deleted instance has no state; its line says what became of it.
  void gone(const std::string& fmri) {
    const auto found = shown_.find(fmri);
    if (found == shown_.end()) return;
    shown_.erase(found);
    InstanceMessage last;
    last.fmri = fmri;
    last.state = "removed";
    last.next_state = "none";
    last.state_time = static_cast<double>(std::time(nullptr));
    print("removed", last);
  }

  void tell(const char* what, const InstanceMessage& instance) {
    // Not every change of an instance is one of what is told of it.
    std::string text = json_line(instance_json(instance));
    std::string& last = shown_[instance.fmri];
    if (last == text) return;
    last = std::move(text);
    print(what, instance);
  }

  void print(const char* what, const InstanceMessage& instance) {
    if (!request_.json) {
      output_.print(Table(columns_of(request_), std::time(nullptr)).row(instance));
      return;
    }
    json::object document = json_document("change");
    document["change"] = what;
    document["instance"] = instance_json(instance);
    output_.print(json_line(document));
  }

  const SvcsRequest& request_;
  Output& output_;
  std::map<std::string, std::string> shown_;  // by FMRI, what was last told
};

}  // namespace

int watch_instances(const SvcsRequest& request, Output& output) {
  return Follower(request, output).run();
}

}  // namespace vmkeep::tools
