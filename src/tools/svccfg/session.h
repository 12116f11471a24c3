// What svccfg knows between two commands: the repository, what is selected, and how it talks.
//
// Selected is nothing (the scope), a service, an instance, or a snapshot of an instance, which can be read
// and not be changed.
//
// A command either works or says why not, through fail(): on stderr with the program's name in front, or,
// when somebody types, on stdout as it is.  Commands that were given wrong operands return Outcome::usage,
// and whoever runs them prints that command's help.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "fmri/fmri.h"
#include "manifest/manifest.h"
#include "repository/repository.h"
#include "tools/svccfg/backend.h"
#include "tools/svccfg/lexer.h"

namespace vmkeep::svccfg {

enum class Outcome { ok, failed, usage, quit };

using OpenBackend = std::function<Result<std::unique_ptr<Backend>>()>;

class Session {
 public:
  // The repository is opened by the first command that needs one.
  Session(std::ostream& out, std::ostream& err, OpenBackend open)
      : out_(out), err_(err), open_(std::move(open)) {}

  // One command.  The tokens of an empty line are no command, and fine.
  Outcome execute(const std::vector<Token>& tokens);
  std::string prompt() const;

  void set_interactive(bool interactive) { interactive_ = interactive; }
  void set_verbose(bool verbose) { verbose_ = verbose; }
  // "FILE, line N" of the command that is being executed; empty: no such thing.
  void set_place(std::string place) { place_ = std::move(place); }
  const std::string& place() const { return place_; }
  void set_parse_options(manifest::ParseOptions options) { parse_options_ = std::move(options); }

  // --- for the commands ---
  std::ostream& out() { return out_; }
  bool verbose() const { return verbose_; }
  bool interactive() const { return interactive_; }
  const manifest::ParseOptions& parse_options() const { return parse_options_; }
  void complain(const std::string& message);
  // On stdout, for who wants to know (-v).
  void note(const std::string& message) {
    if (verbose_) out_ << message << '\n';
  }
  Outcome fail(const std::string& message);
  Outcome fail(const Error& error);  // with the words of the facility for what it has words for

  // Null: it was said why.
  Backend* backend();
  repository::Repository* repository();
  // The same for who can do without: nothing is said.
  repository::Repository* quiet_repository();
  void replace_backend(OpenBackend open);

  // The selection: a service, an instance, or (both empty) the scope.
  const fmri::Fmri& selection() const { return selection_; }
  bool entity_selected() const { return !selection_.service.empty(); }
  void select(fmri::Fmri entity);
  const std::string& snapshot() const { return snapshot_; }  // empty: the editing view
  void select_snapshot(std::string name) { snapshot_ = std::move(name); }

  // The groups of the selected entity, or those in the selected snapshot; null: nothing is selected, or it is
  // gone, and it was said.
  const repository::Levels* levels();
  // Whether an instance is selected; if not, it was said.
  bool instance_selected();
  // Whether no snapshot is selected; if one is, it was said that it cannot be changed.
  bool writable();
  // Commits changes to what levels() gave; after a lost race `make` is asked again.
  Outcome commit(const std::function<Outcome(const repository::Levels&, repository::ChangeSet&)>& make);
  Outcome commit(const repository::ChangeSet& changes);
  // Commits what a planner says, which is asked again after a lost race.
  Outcome commit_plan(const std::function<Result<repository::ChangeSet>()>& plan);

  // What an operand of select and delete means: a child's name, then an exact FMRI, then a pattern with one
  // match. False: it was said why.
  bool resolve(const std::string& operand, fmri::Fmri& entity, const char* wanted = "instances or services");
  // All that an operand may mean, of what the repository has.
  std::vector<fmri::Fmri> matches(const std::string& operand, const std::vector<fmri::Entry>& entries);

 private:
  std::ostream& out_;
  std::ostream& err_;
  OpenBackend open_;
  std::unique_ptr<Backend> backend_;
  fmri::Fmri selection_;
  std::string snapshot_;
  manifest::ParseOptions parse_options_;
  repository::Levels levels_;
  bool interactive_ = false;
  bool verbose_ = false;
  bool lost_ = false;  // the backend went away under a command
  std::string place_;
};

}  // namespace vmkeep::svccfg
