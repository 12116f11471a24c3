// import.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "manifest/elements.h"
#include "tools/svccfg/bundles.h"

namespace vmkeep::svccfg {
namespace {

namespace fs = std::filesystem;

struct Options {
  bool refresh = true;
  bool strict = false;  // what breaks a template is an error
};

// Those that an import may change: the instances of the bundle, and those that get a dependency by a
// dependent.
std::set<fmri::Fmri> named_by(const manifest::Bundle& bundle) {
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
  return wanted;
}

// An import is one transaction: all of it is reached, or nothing.
std::string progress(const manifest::Bundle& bundle, const std::string& file, bool imported,
                     const std::set<fmri::Fmri>& refreshed) {
  std::string text = fmt::format("Import of {} failed.  Progress:", file);
  for (const manifest::ServiceDescription& service : bundle.services) {
    const char* const reached = imported ? "imported." : "not reached.";
    text += fmt::format("\n  Service \"{}\": {}", service.name, reached);
    for (const manifest::InstanceDescription& instance : service.instances) {
      const bool done = refreshed.contains({service.name, instance.name, {}, {}});
      text += fmt::format("\n    Instance \"{}\": {}", instance.name, done ? "refresh requested." : reached);
    }
  }
  return text;
}

// Which package brings the services, for general/package; whoever installs packages says so.
void name_package(manifest::Bundle& bundle) {
  const char* const package = std::getenv("PKGINST");
  if (package == nullptr || *package == '\0') return;
  for (manifest::ServiceDescription& service : bundle.services) {
    // One that says nothing about its service must go on to say nothing.
    if (service.groups.empty() && service.dependents.empty()) continue;
    auto& general =
        service.groups.try_emplace("general", manifest::make_group("general", "framework")).first->second;
    manifest::set(general, "package", package);
  }
}

class Import {
 public:
  Import(Session& session, const std::string& file, const Options& options)
      : session_(session), file_(file), options_(options) {}

  Outcome run() {
    const auto checked = check_hash(session_, file_, false);
    if (!checked) return Outcome::failed;
    if (!checked->wanted) {
      session_.note("No changes were necessary");
      return Outcome::ok;
    }
    if (!parse_bundle(session_, file_, bundle_)) return Outcome::failed;
    name_package(bundle_);
    std::error_code error;
    if (const auto path = fs::canonical(file_, error); !error) bundle_.file = path.string();
    if (session_.repository() == nullptr) return Outcome::failed;
    const auto problems = manifest::validate_bundle(bundle_, lookup_in(session_));
    if (!tell_template_problems(session_, problems) && options_.strict) return failed();
    const auto there = instances_of(*session_.repository(), named_by(bundle_));
    if (!there) return session_.fail(there.error());
    if (const Outcome outcome = commit(); outcome != Outcome::ok) return outcome;
    if (const Outcome outcome = refresh(*there); outcome != Outcome::ok) return outcome;
    if (checked->hash) {
      const auto stored = store_hash(*session_.repository(), *checked->hash, false);
      if (!stored) return session_.fail(stored.error());
    }
    session_.note("Successful import.");
    return Outcome::ok;
  }

 private:
  Outcome failed() { return session_.fail(progress(bundle_, file_, imported_, refreshed_)); }
  Outcome failed(const Error& error) {
    session_.fail(error);
    return failed();
  }

  Outcome commit() {
    // Somebody may edit the same groups meanwhile: what they did is then read again and merged.
    constexpr int kAttempts = 3;
    for (int attempt = 1;; ++attempt) {
      std::vector<std::string> warnings;
      std::vector<std::string> notes;
      const auto plan = manifest::plan_import(*session_.repository(), bundle_, warnings, &notes);
      if (!plan) return failed(plan.error());
      const auto done = plan->empty() ? Result<>() : session_.repository()->commit(*plan);
      if (!done) {
        if (done.error().kind == ErrorKind::stale && attempt < kAttempts) continue;
        return failed(done.error());
      }
      imported_ = true;
      for (const std::string& note : notes) session_.note(note);
      for (const std::string& warning : warnings) session_.complain(warning);
      return Outcome::ok;
    }
  }

  Outcome refresh(const std::set<fmri::Fmri>& instances) {
    if (!options_.refresh) return Outcome::ok;
    for (const fmri::Fmri& each : instances) {
      const auto done = session_.backend()->refresh(each);
      if (!done) return failed(in(fmt::format("{} could not be refreshed", each.str()), done.error()));
      refreshed_.insert(each);
    }
    return Outcome::ok;
  }

  Session& session_;
  const std::string& file_;
  const Options& options_;
  manifest::Bundle bundle_;
  bool imported_ = false;
  std::set<fmri::Fmri> refreshed_;
};

// "Loading smf(5) service descriptions: n/m", written over itself.
class Progress {
 public:
  Progress(Session& session, size_t all, bool wanted) : session_(session), all_(all), wanted_(wanted) {}
  ~Progress() {
    if (shown_ > 0) session_.out() << '\n';
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void step() {
    if (!wanted_) return;
    const std::string text = fmt::format("{}/{}", ++done_, all_);
    if (shown_ == 0) session_.out() << "Loading smf(5) service descriptions: ";
    session_.out() << std::string(shown_, '\b') << text << std::flush;
    shown_ = text.size();
  }

 private:
  Session& session_;
  size_t all_;
  bool wanted_;
  size_t done_ = 0;
  size_t shown_ = 0;
};

}  // namespace

Outcome run_import(Session& session, const Arguments& arguments) {
  std::vector<std::string> operands;
  std::string letters;
  if (!take_operands(arguments, "nVp", 1, 1, letters, operands)) return Outcome::usage;
  const auto given = [&](char letter) { return letters.find(letter) != std::string::npos; };
  const Options options{!given('n'), given('V') || session.interactive()};
  Files files;
  if (!find_files(session, operands.front(), files)) return Outcome::failed;
  size_t failed = 0;
  {
    Progress progress(session, files.names.size(), given('p'));
    for (const std::string& file : files.names) {
      progress.step();
      if (Import(session, file, options).run() != Outcome::ok) ++failed;
    }
  }
  if (!files.folder) return failed == 0 ? Outcome::ok : Outcome::failed;
  session.out() << fmt::format("Loaded {} smf(5) service descriptions\n", files.names.size() - failed);
  if (failed == 0) return Outcome::ok;
  return session.fail(fmt::format("{} smf(5) service descriptions failed to load", failed));
}

}  // namespace vmkeep::svccfg
