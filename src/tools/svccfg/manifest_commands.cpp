// Whole manifests: validate, import, inventory, export.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/fd.h"
#include "manifest/export.h"
#include "manifest/manifest.h"
#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {
namespace {

namespace fs = std::filesystem;

// False: the problems were told.
bool parse(Session& session, const std::string& file, manifest::Bundle& bundle) {
  const auto problems = manifest::parse_file(file, bundle);
  for (const manifest::Problem& problem : problems) session.complain(problem.str());
  return problems.empty();
}

// The instances that were there before an import and that it may have changed: those of the bundle, and those
// that got a dependency by a dependent.
Result<std::set<fmri::Fmri>> to_refresh(repository::Repository& repository, const manifest::Bundle& bundle) {
  auto entries = repository.entries();
  if (!entries) return entries.error();
  std::set<fmri::Fmri> wanted;
  const auto add_targets = [&](const manifest::EntityDescription& entity) {
    for (const manifest::Dependent& each : entity.dependents) wanted.insert(each.target);
  };
  for (const manifest::ServiceDescription& service : bundle.services) {
    add_targets(service);
    for (const manifest::InstanceDescription& instance : service.instances) {
      wanted.insert({service.name, instance.name, {}, {}});
      add_targets(instance);
    }
  }
  std::set<fmri::Fmri> found;
  for (const fmri::Entry& entry : *entries) {
    for (const std::string& name : entry.instances) {
      const fmri::Fmri instance{entry.service, name, {}, {}};
      if (wanted.contains(instance) || wanted.contains(instance.service_fmri())) found.insert(instance);
    }
  }
  return found;
}

Outcome import_failed(Session& session, const std::string& file, const Error& error) {
  session.complain(fmt::format("Import of {} failed.  Nothing was changed.", file));
  return session.fail(error);
}

Outcome commit_import(Session& session, const manifest::Bundle& bundle, const std::string& file) {
  // Somebody may edit the same groups meanwhile: what they did is then read again and merged.
  constexpr int kAttempts = 3;
  for (int attempt = 1;; ++attempt) {
    std::vector<std::string> warnings;
    const auto plan = manifest::plan_import(*session.repository(), bundle, warnings);
    if (!plan) return import_failed(session, file, plan.error());
    const auto done = plan->empty() ? Result<>() : session.repository()->commit(*plan);
    if (!done) {
      if (done.error().kind == ErrorKind::stale && attempt < kAttempts) continue;
      return import_failed(session, file, done.error());
    }
    for (const std::string& warning : warnings) session.complain(warning);
    return Outcome::ok;
  }
}

Outcome import_file(Session& session, const std::string& file, bool refresh) {
  manifest::Bundle bundle;
  if (!parse(session, file, bundle)) return Outcome::failed;
  std::error_code error;
  if (const auto path = fs::canonical(file, error); !error) bundle.file = path.string();
  if (session.repository() == nullptr) return Outcome::failed;
  const auto instances = to_refresh(*session.repository(), bundle);
  if (!instances) return session.fail(instances.error());
  if (const Outcome outcome = commit_import(session, bundle, file); outcome != Outcome::ok) return outcome;
  if (refresh) {
    for (const fmri::Fmri& each : *instances) {
      const auto done = session.backend()->refresh(each);
      if (done) continue;
      return session.fail(
          in(fmt::format("{} is imported, but {} could not be refreshed", file, each.str()), done.error()));
    }
  }
  if (session.verbose()) session.out() << "Successful import.\n";
  return Outcome::ok;
}

// The bundles below a folder, in name order.
std::vector<std::string> bundles_below(const std::string& folder, std::error_code& error) {
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".xml" && at->is_regular_file(error)) files.push_back(at->path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Outcome import_folder(Session& session, const std::string& folder, bool refresh) {
  std::error_code error;
  const auto files = bundles_below(folder, error);
  if (error) return session.fail(fmt::format("Unable to read directory {}.  {}", folder, error.message()));
  size_t failed = 0;
  for (const std::string& file : files) {
    if (import_file(session, file, refresh) != Outcome::ok) ++failed;
  }
  session.out() << fmt::format("Loaded {} smf(5) service descriptions\n", files.size() - failed);
  if (failed == 0) return Outcome::ok;
  return session.fail(fmt::format("{} smf(5) service descriptions failed to load", failed));
}

}  // namespace

Outcome run_validate(Session& session, const Arguments& arguments) {
  std::vector<std::string> files;
  if (!words(arguments, 1, 1, files)) return Outcome::usage;
  manifest::Bundle bundle;
  return parse(session, files.front(), bundle) ? Outcome::ok : Outcome::failed;
}

Outcome run_import(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string options;
  // -V and -p are taken for the sake of old scripts: everything is always checked, and there is no progress
  // to show.
  if (!words(arguments, 1, 4, operands) || !take_options(operands, "nVp", options) || operands.size() != 1) {
    return Outcome::usage;
  }
  const bool refresh = options.find('n') == std::string::npos;
  const std::string& path = operands.front();
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found || status.type() == fs::file_type::none) {
    return session.fail(fmt::format("Unable to stat file {}.  {}", path, error.message()));
  }
  if (fs::is_directory(status)) return import_folder(session, path, refresh);
  if (!fs::is_regular_file(status)) {
    return session.fail(fmt::format("{} is not a directory or regular file", path));
  }
  return import_file(session, path, refresh);
}

Outcome run_inventory(Session& session, const Arguments& arguments) {
  std::vector<std::string> files;
  if (!words(arguments, 1, 1, files)) return Outcome::usage;
  manifest::Bundle bundle;
  if (!parse(session, files.front(), bundle)) return Outcome::failed;
  for (const manifest::ServiceDescription& service : bundle.services) {
    for (const manifest::InstanceDescription& instance : service.instances) {
      session.out() << fmri::Fmri{service.name, instance.name, {}, {}}.str() << '\n';
    }
  }
  for (const manifest::ServiceDescription& service : bundle.services) {
    session.out() << fmri::Fmri{service.name, {}, {}, {}}.str() << '\n';
  }
  return Outcome::ok;
}

Outcome run_export(Session& session, const Arguments& arguments) {
  const bool redirected = arguments.size() == 3 && arguments[1].kind == TokenKind::redirect;
  if (arguments.size() != 1 && !redirected) return Outcome::usage;
  fmri::Fmri entity;
  if (!session.resolve(arguments[0].text, entity)) return Outcome::failed;
  if (entity.is_instance()) {
    session.complain("Only services may be exported; ignoring instance portion of argument.");
    entity = entity.service_fmri();
  }
  const auto text = manifest::export_service(*session.repository(), entity);
  if (!text) return session.fail(text.error());
  if (!redirected) {
    session.out() << *text;
    return Outcome::ok;
  }
  const std::string& file = arguments[2].text;
  // As a shell's redirection would create it.
  const auto written = replace_file(file, *text, 0644);
  return written ? Outcome::ok : session.fail(written.error());
}

}  // namespace vmkeep::svccfg
