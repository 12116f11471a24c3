#include "tools/svccfg/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tools/svccfg/commands.h"

namespace vmkeep::svccfg {

Outcome Session::execute(const std::vector<Token>& tokens) {
  if (tokens.empty()) return Outcome::ok;
  if (tokens.front().kind != TokenKind::word) return fail("Syntax error.");
  const Command* command = find_command(tokens.front().text);
  if (command == nullptr) return fail(fmt::format("Unknown command \"{}\".", tokens.front().text));
  const Outcome outcome = command->run(*this, {tokens.begin() + 1, tokens.end()});
  // A daemon that was started again is found by the next command.
  if (std::exchange(lost_, false)) backend_.reset();
  if (outcome != Outcome::usage) return outcome;
  (interactive_ ? out_ : err_) << help_of(*command);
  return Outcome::failed;
}

std::string Session::prompt() const {
  const std::string snapshot = snapshot_.empty() ? "" : "[" + snapshot_ + "]";
  return snapshot + (entity_selected() ? selection_.str() : std::string("svc:")) + "> ";
}

void Session::complain(const std::string& message) {
  if (interactive_) {
    out_ << message << '\n';
  } else if (place_.empty()) {
    err_ << "svccfg: " << message << '\n';
  } else {
    err_ << "svccfg (" << place_ << "): " << message << '\n';
  }
}

Outcome Session::fail(const std::string& message) {
  complain(message);
  return Outcome::failed;
}

Outcome Session::fail(const Error& error) {
  lost_ = lost_ || error.kind == ErrorKind::unavailable;
  // The second line tells which authorization it takes.
  if (error.kind == ErrorKind::permission) complain("Permission denied.");
  return fail(error.message);
}

Backend* Session::backend() {
  if (backend_ != nullptr) return backend_.get();
  auto opened = open_();
  if (!opened) {
    fail(opened.error());
    return nullptr;
  }
  backend_ = std::move(*opened);
  return backend_.get();
}

repository::Repository* Session::repository() {
  Backend* const opened = backend();
  return opened == nullptr ? nullptr : &opened->repository();
}

repository::Repository* Session::quiet_repository() {
  if (backend_ == nullptr) {
    auto opened = open_();
    if (!opened) return nullptr;
    backend_ = std::move(*opened);
  }
  return &backend_->repository();
}

void Session::replace_backend(OpenBackend open) {
  open_ = std::move(open);
  backend_.reset();
  select({});
}

void Session::select(fmri::Fmri entity) {
  selection_ = std::move(entity);
  snapshot_.clear();
}

bool Session::instance_selected() {
  if (selection_.is_instance()) return true;
  fail("Instance not selected.");
  return false;
}

bool Session::writable() {
  if (snapshot_.empty()) return true;
  fail("Cannot modify snapshots.");
  return false;
}

const repository::Levels* Session::levels() {
  if (!entity_selected()) {
    fail("An entity is not selected.");
    return nullptr;
  }
  repository::Repository* const opened = repository();
  if (opened == nullptr) return nullptr;
  auto read = snapshot_.empty() ? opened->read(selection_) : opened->read_snapshot(selection_, snapshot_);
  if (!read) {
    if (read.error().kind == ErrorKind::not_found) {
      fail("Current selection has been deleted.");
    } else {
      fail(read.error());
    }
    return nullptr;
  }
  levels_ = std::move(*read);
  if (!snapshot_.empty()) {
    // A snapshot is read together with what is volatile now.
    for (auto* groups : {&levels_.own, &levels_.service}) {
      std::erase_if(*groups, [](const auto& each) { return !each.second->persistent; });
    }
  }
  return &levels_;
}

Outcome Session::commit(
    const std::function<Outcome(const repository::Levels&, repository::ChangeSet&)>& make) {
  constexpr int kAttempts = 5;
  if (entity_selected() && !writable()) return Outcome::failed;
  for (int attempt = 1;; ++attempt) {
    const repository::Levels* const now = levels();
    if (now == nullptr) return Outcome::failed;
    repository::ChangeSet changes;
    if (const Outcome outcome = make(*now, changes); outcome != Outcome::ok) return outcome;
    if (changes.empty()) return Outcome::ok;
    auto done = repository()->commit(changes);
    if (done) return Outcome::ok;
    if (done.error().kind != ErrorKind::stale || attempt == kAttempts) return fail(done.error());
  }
}

Outcome Session::commit(const repository::ChangeSet& changes) {
  repository::Repository* const opened = repository();
  if (opened == nullptr) return Outcome::failed;
  auto done = opened->commit(changes);
  return done ? Outcome::ok : fail(done.error());
}

Outcome Session::commit_plan(const std::function<Result<repository::ChangeSet>()>& plan) {
  constexpr int kAttempts = 5;
  if (repository() == nullptr) return Outcome::failed;
  for (int attempt = 1;; ++attempt) {
    const auto changes = plan();
    if (!changes) return fail(changes.error());
    if (changes->empty()) return Outcome::ok;
    const auto done = repository()->commit(*changes);
    if (done) return Outcome::ok;
    if (done.error().kind != ErrorKind::stale || attempt == kAttempts) return fail(done.error());
  }
}

// A child of the selection, else an exact FMRI, else a pattern.
std::vector<fmri::Fmri> Session::matches(const std::string& operand,
                                         const std::vector<fmri::Entry>& entries) {
  for (const fmri::Entry& entry : entries) {
    if (!entity_selected() && entry.service == operand) return {{entry.service, {}, {}, {}}};
    const auto& names = entry.instances;
    if (entity_selected() && !selection_.is_instance() && entry.service == selection_.service &&
        std::find(names.begin(), names.end(), operand) != names.end()) {
      return {{entry.service, operand, {}, {}}};
    }
  }
  return fmri::resolve(operand, entries, fmri::Want::services_or_instances).found;
}

bool Session::resolve(const std::string& operand, fmri::Fmri& entity, const char* wanted) {
  repository::Repository* const opened = repository();
  if (opened == nullptr) return false;
  const auto refuse = [this](const std::string& message) {
    fail(message);
    return false;
  };
  if (operand.size() > fmri::kMaxFmri) {
    return refuse(fmt::format("Argument '{}' is too long, ignoring", operand));
  }
  if (operand.starts_with("lrc:")) {
    return refuse(fmt::format("Operation not supported for legacy service '{}'", operand));
  }
  const auto entries = opened->entries();
  if (!entries) {
    fail(entries.error());
    return false;
  }
  const auto found = matches(operand, *entries);
  if (found.empty()) {
    return refuse(fmt::format("Pattern '{}' doesn't match any {}", operand, wanted));
  }
  if (found.size() > 1) {
    std::string message = fmt::format("Pattern '{}' matches multiple instances or services:", operand);
    for (const fmri::Fmri& each : found) message += "\n\t" + each.str();
    return refuse(message);
  }
  entity = found.front();
  return true;
}

}  // namespace vmkeep::svccfg
