#include "tools/svccfg/bundles.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace vmkeep::svccfg {
namespace {

namespace fs = std::filesystem;

}  // namespace

bool parse_bundle(Session& session, const std::string& file, manifest::Bundle& bundle) {
  const auto problems = manifest::parse_file(file, bundle, session.parse_options());
  for (const manifest::Problem& problem : problems) session.complain(problem.str());
  return problems.empty();
}

manifest::Lookup lookup_in(Session& session) {
  return [&session](const fmri::Fmri& entity) -> repository::Groups {
    repository::Repository* const repository = session.quiet_repository();
    if (repository == nullptr) return {};
    auto levels = repository->read(entity);
    // A restarter may have nothing but its service.
    if (!levels && entity.is_instance()) levels = repository->read(entity.service_fmri());
    return levels ? levels->composed() : repository::Groups();
  };
}

bool tell_template_problems(Session& session, const manifest::TemplateProblems& problems) {
  for (const manifest::TemplateProblem& each : problems) session.complain(each.str(session.interactive()));
  return problems.empty();
}

Result<std::set<fmri::Fmri>> instances_of(repository::Repository& repository,
                                          const std::set<fmri::Fmri>& entities) {
  auto entries = repository.entries();
  if (!entries) return entries.error();
  std::set<fmri::Fmri> found;
  for (const fmri::Entry& entry : *entries) {
    for (const std::string& name : entry.instances) {
      const fmri::Fmri instance{entry.service, name, {}, {}};
      if (entities.contains(instance) || entities.contains(instance.service_fmri())) found.insert(instance);
    }
  }
  return found;
}

bool find_files(Session& session, const std::string& path, Files& files) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const auto refuse = [&](const std::string& message) {
    session.fail(message);
    return false;
  };
  if (status.type() == fs::file_type::not_found || status.type() == fs::file_type::none) {
    return refuse(fmt::format("Unable to stat file {}.  {}", path, error.message()));
  }
  files.folder = fs::is_directory(status);
  if (!files.folder) {
    files.names = {path};
    return fs::is_regular_file(status) || refuse(fmt::format("{} is not a directory or regular file", path));
  }
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->path().extension() == ".xml" && at->is_regular_file(ignored)) {
      files.names.push_back(at->path().string());
    }
  }
  if (error) return refuse(fmt::format("Unable to read directory {}.  {}", path, error.message()));
  std::sort(files.names.begin(), files.names.end());
  return true;
}

bool checks_hashes() {
  const char* const check = std::getenv("SVCCFG_CHECKHASH");
  return check != nullptr && *check != '\0';
}

std::optional<Checked> check_hash(Session& session, const std::string& file, bool once) {
  Checked checked;
  if (!checks_hashes()) return checked;
  auto hash = hash_file(file);
  if (!hash) {
    session.fail(hash.error());
    return std::nullopt;
  }
  if (session.repository() == nullptr) return std::nullopt;
  const auto stored = stored_hash(*session.repository(), *hash);
  if (!stored) {
    session.fail(stored.error());
    return std::nullopt;
  }
  checked.wanted = *stored == Stored::no || (*stored == Stored::other && !once);
  checked.hash = std::move(*hash);
  return checked;
}

}  // namespace vmkeep::svccfg
