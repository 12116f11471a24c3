// evaluation_bench N...: what the restarter takes of a processor at a boot of N enabled instances, all
// methods taking no time: to load them, and from `vmkeep startup` until the last is online.  Each instance
// depends on one below it (ten on each), on a fact of the host, and optionally on a service of ten instances.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <string>

#include "restarter/restarter.h"

namespace {

using namespace vmkeep;
// Of a processor: on a busy machine only that says something.
double ms_since(std::clock_t begun) {
  return 1000.0 * static_cast<double>(std::clock() - begun) / static_cast<double>(CLOCKS_PER_SEC);
}

std::string name_of(size_t i) {
  return "svc:/bench/level" + std::to_string(i / 10) + ":s" + std::to_string(i % 10);
}

restarter::Loaded instance(size_t i, bool more) {
  using namespace graph;
  restarter::Loaded loaded;
  loaded.fmri = name_of(i);
  loaded.enabled = true;
  loaded.more = more;
  loaded.config.start.present = loaded.config.stop.present = true;
  loaded.config.start.exec = loaded.config.stop.exec = "/bin/true";
  auto& all = loaded.config.dependencies;
  all.push_back({"host", Grouping::require_all, RestartOn::none, {{EntityKind::host, "filesystem"}}});
  if (i < 10) return loaded;
  const Entity below{EntityKind::instance, name_of(i / 10)};
  const Entity others{EntityKind::service, "svc:/bench/level" + std::to_string(i / 100)};
  all.push_back({"below", Grouping::require_all, RestartOn::restart, {below}});
  all.push_back({"others", Grouping::optional_all, RestartOn::error, {others}});
  return loaded;
}

void boot(size_t count) {
  restarter::Restarter restarter;
  const Instant now(1000);
  restarter.handle(restarter::ShutDown{}, now);
  restarter.handle(restarter::FactChanged{"filesystem", true}, now);
  auto begun = std::clock();
  for (size_t i = 0; i < count; ++i) restarter.handle(instance(i, i + 1 < count), now);
  const double loading = ms_since(begun);
  size_t online = 0;
  std::deque<restarter::Event> events{restarter::StartUp{}};
  begun = std::clock();
  for (; !events.empty(); events.pop_front()) {
    for (const auto& action : restarter.handle(events.front(), now)) {
      if (const auto* run = std::get_if<restarter::RunMethod>(&action)) {
        events.emplace_back(restarter::MethodEnded{run->fmri, run->run, {}});
      } else if (const auto* set = std::get_if<restarter::SetState>(&action)) {
        online += set->state == graph::State::online && set->next_state == graph::State::none ? 1U : 0U;
      }
    }
  }
  std::printf("| %zu | %zu | %.1f | %.1f |\n", count, online, loading, ms_since(begun));
}

}  // namespace

int main(int argc, char** argv) {
  std::puts("| instances | online | ms to load | ms until all are online |\n|---|---|---|---|");
  for (int i = 1; i < argc; ++i) boot(static_cast<size_t>(std::strtoul(argv[i], nullptr, 10)));
}
