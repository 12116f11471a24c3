// What the tools have in common: their options, where they print, and how they fail.  Errors go to stderr as
// "PROGRAM: MESSAGE"; exit codes are 0, 1 for what failed, 2 for a wrong command line (spec of the facility,
// 7).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace vmkeep::tools {

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

using Arguments = std::vector<std::string>;  // without the program's name

// Collects what goes to stdout and writes it in one piece; messages go out at once.
class Output {
 public:
  explicit Output(std::string program) : program_(std::move(program)) {}

  void print(const std::string& text) { text_ += text; }
  void line(const std::string& text) { text_ += text + "\n"; }
  // Prints what is there; false (and a message) if stdout does not take it.
  bool flush();
  // To stderr.  Raises the exit status to at least `status`.
  void warn(const std::string& message, int status = kFailed);
  void raise(int status);
  void settle(int status) { status_ = status; }  // the last word
  // Flushes; the exit code of the program.
  int finish();
  const std::string& program() const { return program_; }

 private:
  std::string program_;
  std::string text_;
  int status_ = kOk;
};

struct Option {
  char letter;
  std::string value;
};

struct CommandLine {
  std::vector<Option> options;  // in the order in which they were given
  Arguments operands;

  bool has(char letter) const;
  std::optional<std::string> last(char letter) const;
  std::vector<std::string> all(char letter) const;
};

// POSIX options: `spec` as of getopt(3); they end at the first operand or behind "--".  Error: the message
// for the line above the usage.
Result<CommandLine> parse_options(const Arguments& arguments, const std::string& spec);

// Takes every `word` ("--json") off the arguments before a "--"; true: it was there.
bool take_long_option(Arguments& arguments, const std::string& word);
// -z: there are no zones but the global one.  False: another was asked for, and it was told.
bool is_our_zone(const CommandLine& line, Output& output);

// The usage to stderr, and the exit code of a wrong command line.
int refuse_usage(const char* usage, Output& output);
// parse_options(), with everything answered that is no ordinary line: nothing is left to do but finish() the
// output if nothing comes back.  -? prints the usage to stdout.
std::optional<CommandLine> command_line_of(const Arguments& arguments, const std::string& spec,
                                           const char* usage, Output& output);

// Ends as the program svccfg, which is beside this one, under another name.
int become_svccfg(const std::string& name, const Arguments& arguments);

// The programs.
int svcs(const Arguments& arguments);
int svcadm(const Arguments& arguments);
int svcprop(const Arguments& arguments);
int vmkeep(const Arguments& arguments);
// `vmkeep method start|stop|refresh`.
int run_method(const std::string& method);

}  // namespace vmkeep::tools
