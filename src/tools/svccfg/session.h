// What svccfg knows between two commands: the repository, what is selected, and how it talks.
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

  // --- for the commands ---
  std::ostream& out() { return out_; }
  bool verbose() const { return verbose_; }
  bool interactive() const { return interactive_; }
  void complain(const std::string& message);
  Outcome fail(const std::string& message);
  Outcome fail(const Error& error);  // with the words of the facility for what it has words for

  // Null: it was said why.
  Backend* backend();
  repository::Repository* repository();
  void replace_backend(OpenBackend open);

  // The selection: a service, an instance, or (both empty) the scope.
  const fmri::Fmri& selection() const { return selection_; }
  bool entity_selected() const { return !selection_.service.empty(); }
  void select(fmri::Fmri entity) { selection_ = std::move(entity); }

  // The groups of the selected entity; null: nothing is selected, or it is gone, and it was said.
  const repository::Levels* levels();
  // Commits changes to what levels() gave; after a lost race `make` is asked again.
  Outcome commit(const std::function<Outcome(const repository::Levels&, repository::ChangeSet&)>& make);
  Outcome commit(const repository::ChangeSet& changes);

  // What an operand of select and delete means: a child's name, then an exact FMRI, then a pattern with one
  // match. False: it was said why.
  bool resolve(const std::string& operand, fmri::Fmri& entity);

 private:
  std::ostream& out_;
  std::ostream& err_;
  OpenBackend open_;
  std::unique_ptr<Backend> backend_;
  fmri::Fmri selection_;
  repository::Levels levels_;
  bool interactive_ = false;
  bool verbose_ = false;
  bool lost_ = false;  // the backend went away under a command
  std::string place_;
};

}  // namespace vmkeep::svccfg
