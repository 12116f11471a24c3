// Services whose manifests are gone (3.8): cleanup, delhash.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "tools/svccfg/bundles.h"
#include "tools/svccfg/deletion.h"

namespace vmkeep::svccfg {
namespace {

namespace fs = std::filesystem;

// The files that a service came from.
std::vector<std::string> manifests_of(const repository::Levels& service) {
  std::vector<std::string> files;
  const auto group = service.own.find("manifestfiles");
  if (group == service.own.end()) return files;
  for (const auto& [name, property] : group->second->properties) {
    files.insert(files.end(), property.values.begin(), property.values.end());
  }
  return files;
}

// Where a system's own manifests are, whatever the prefix that it was installed below.
bool is_delivered(const std::string& file) {
  return file.find("/svc/manifest/") != std::string::npos ||
         file.find("/vmkeep/manifest/") != std::string::npos;
}

bool is_gone(const std::string& file) {
  std::error_code error;
  return fs::symlink_status(file, error).type() == fs::file_type::not_found;
}

// Takes the instances down, then deletes the service.
Outcome remove_service(Session& session, const std::string& service) {
  const fmri::Fmri entity{service, {}, {}, {}};
  const auto doomed = with_instances(*session.repository(), entity);
  if (!doomed) return session.fail(doomed.error());
  for (const fmri::Fmri& each : *doomed) {
    if (!each.is_instance()) continue;
    const auto running = session.backend()->may_be_running(each);
    if (!running) return session.fail(running.error());
    if (!*running) continue;
    if (const auto down = session.backend()->take_down(each); !down) return session.fail(down.error());
  }
  const Outcome outcome = session.commit_plan([&] { return plan_deletion(*session.repository(), *doomed); });
  if (outcome == Outcome::ok) session.note(fmt::format("Deleted {}.", entity.str()));
  return outcome;
}

// Takes the file out of what the services came from; gives those that came from nothing else.
Outcome forget_manifest(Session& session, const std::string& file, std::vector<std::string>& orphans) {
  auto entries = session.repository()->entries();
  if (!entries) return session.fail(entries.error());
  for (const fmri::Entry& entry : *entries) {
    const fmri::Fmri service{entry.service, {}, {}, {}};
    const Outcome outcome = session.commit_plan([&]() -> Result<repository::ChangeSet> {
      auto levels = session.repository()->read(service);
      if (!levels) return levels.error();
      const auto files = manifests_of(*levels);
      if (std::find(files.begin(), files.end(), file) == files.end()) return repository::ChangeSet();
      repository::PropertyGroup group = *levels->own.at("manifestfiles");
      std::erase_if(group.properties,
                    [&](const auto& each) { return each.second.values == std::vector{file}; });
      if (group.properties.empty()) orphans.push_back(entry.service);
      return repository::ChangeSet{repository::PutGroup{service, group, group.generation}};
    });
    if (outcome != Outcome::ok) return outcome;
  }
  return Outcome::ok;
}

}  // namespace

Outcome run_cleanup(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string options;
  if (!take_operands(arguments, "a", 0, 0, options, operands)) return Outcome::usage;
  if (session.repository() == nullptr) return Outcome::failed;
  auto entries = session.repository()->entries();
  if (!entries) return session.fail(entries.error());
  for (const fmri::Entry& entry : *entries) {
    const auto levels = session.repository()->read({entry.service, {}, {}, {}});
    if (!levels) return session.fail(levels.error());
    const auto files = manifests_of(*levels);
    if (files.empty() || !std::all_of(files.begin(), files.end(), is_gone)) continue;
    if (options.empty() && !std::all_of(files.begin(), files.end(), is_delivered)) continue;
    if (remove_service(session, entry.service) != Outcome::ok) return Outcome::failed;
    for (const std::string& file : files) {
      if (const auto done = forget_hash(*session.repository(), file); !done)
        return session.fail(done.error());
    }
  }
  return Outcome::ok;
}

Outcome run_delhash(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string options;
  if (!take_operands(arguments, "d", 1, 1, options, operands)) return Outcome::usage;
  if (session.repository() == nullptr) return Outcome::failed;
  std::error_code error;
  const std::string file = fs::weakly_canonical(operands.front(), error).string();
  if (error)
    return session.fail(fmt::format("Unable to stat file {}.  {}", operands.front(), error.message()));
  const auto forgotten = forget_hash(*session.repository(), file);
  if (!forgotten) return session.fail(forgotten.error());
  if (options.empty()) {
    return *forgotten ? Outcome::ok : session.fail(fmt::format("No hash of {} is stored.", file));
  }
  std::vector<std::string> orphans;
  if (const Outcome outcome = forget_manifest(session, file, orphans); outcome != Outcome::ok) return outcome;
  for (const std::string& service : orphans) {
    if (remove_service(session, service) != Outcome::ok) return Outcome::failed;
  }
  return Outcome::ok;
}

}  // namespace vmkeep::svccfg
