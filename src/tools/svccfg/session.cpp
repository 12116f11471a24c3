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
  return (entity_selected() ? selection_.str() : std::string("svc:")) + "> ";
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
  if (error.kind == ErrorKind::permission) return fail("Permission denied.");
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

void Session::replace_backend(OpenBackend open) {
  open_ = std::move(open);
  backend_.reset();
  selection_ = {};
}

const repository::Levels* Session::levels() {
  if (!entity_selected()) {
    fail("An entity is not selected.");
    return nullptr;
  }
  repository::Repository* const opened = repository();
  if (opened == nullptr) return nullptr;
  auto read = opened->read(selection_);
  if (!read) {
    if (read.error().kind == ErrorKind::not_found) {
      fail("Current selection has been deleted.");
    } else {
      fail(read.error());
    }
    return nullptr;
  }
  levels_ = std::move(*read);
  return &levels_;
}

Outcome Session::commit(
    const std::function<Outcome(const repository::Levels&, repository::ChangeSet&)>& make) {
  constexpr int kAttempts = 5;
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

bool Session::resolve(const std::string& operand, fmri::Fmri& entity) {
  repository::Repository* const opened = repository();
  if (opened == nullptr) return false;
  auto entries = opened->entries();
  if (!entries) {
    fail(entries.error());
    return false;
  }
  for (const fmri::Entry& entry : *entries) {
    if (!entity_selected() && entry.service == operand) {
      entity = {entry.service, {}, {}, {}};
      return true;
    }
    const auto& names = entry.instances;
    if (entity_selected() && !selection_.is_instance() && entry.service == selection_.service &&
        std::find(names.begin(), names.end(), operand) != names.end()) {
      entity = {entry.service, operand, {}, {}};
      return true;
    }
  }
  const fmri::Match match = fmri::resolve(operand, *entries, fmri::Want::services_or_instances);
  if (match.found.empty()) {
    fail(fmt::format("Pattern '{}' doesn't match any instances or services", operand));
    return false;
  }
  if (match.found.size() > 1) {
    std::string message = fmt::format("Pattern '{}' matches multiple instances or services:", operand);
    for (const fmri::Fmri& each : match.found) message += "\n\t" + each.str();
    fail(message);
    return false;
  }
  entity = match.found.front();
  return true;
}

}  // namespace vmkeep::svccfg
