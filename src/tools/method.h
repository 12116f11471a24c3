// `vmkeep method start|stop|refresh`: the method of VM instances.  It decides nothing: it asks vmkeepd what
// is next and does it, in its instance's contract and context.  A VM that it starts is therefore born where
// it belongs.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/spawn.h"
#include "control/client.h"

namespace vmkeep::tools {

// The environment of a method with that of a step over it: each name once.
std::vector<std::string> merged_environment(std::vector<std::string> ours,
                                            const std::vector<std::string>& theirs);

// The death of a child, from its raw wait status.
struct Death {
  int code = 0;      // 128 and the signal's number of one that was killed
  std::string text;  // "exited with status 1", "died on signal KILL (9)"
};
Death death_of(int raw);

// The exit code of a method that vmkeepd could not be asked, or that it refused: 1 where the next attempt may
// find it otherwise (the restarter tries three times), 95 where nothing changes until somebody mends it.
int exit_code_for(ErrorKind kind);

class Method {
 public:
  Method(std::string fmri, std::string name) : fmri_(std::move(fmri)), name_(std::move(name)) {}

  // To the end; the exit code of the method.
  int run();

 private:
  Result<boost::json::object> ask(boost::json::object step);
  // The answer to the call under way; a death of the child is told meanwhile.
  Result<boost::json::object> answer();
  Result<control::Client> connect(Instant patience) const;
  void tell_death();
  Result<boost::json::object> execute(const boost::json::object& step);
  void pause() const;
  int fail_with(int code, const std::string& message) const;

  std::string fmri_, name_;
  std::unique_ptr<control::Client> client_;
  std::optional<Child> child_;
};

}  // namespace vmkeep::tools
