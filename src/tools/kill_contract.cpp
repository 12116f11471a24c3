// `vmkeep kill-contract`: a signal to every process of a contract, and perhaps waiting until none is left.
// What smf_kill_contract of share/shell/smf_include.sh is made of (spec of the facility, 8).
#include <boost/json/object.hpp>
#include <charconv>
#include <cstdio>

#include "control/client.h"
#include "control/messages.h"
#include "tools/commands.h"
#include "tools/contracts_text.h"

namespace vmkeep::tools {
namespace {

constexpr char kUsageText[] =
    "Usage: vmkeep kill-contract [--wait [--timeout SECONDS]] CTID SIGNAL\n\n"
    "Sends SIGNAL, a name or a number, to every process of the contract.  A method may do that to the\n"
    "contracts of its own instance.  With --wait it is sent again every 5 seconds until none is left.\n"
    "Exit status: 0 done, or nobody was left; 1 it could not be sent; 2 usage; 3 no such contract ever was;\n"
    "4 after SECONDS somebody is left.\n";

constexpr int kNoContract = 3;
constexpr int kStillThere = 4;
constexpr int64_t kResend = 5;         // seconds, as smf_kill_contract does
constexpr int64_t kLongest = 1 << 30;  // seconds

struct Wanted {
  int64_t id = 0;
  int signal = 0;
  bool wait = false;
  std::optional<int64_t> timeout;  // seconds
};

std::optional<int64_t> whole(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > kLongest)
    return std::nullopt;
  return number;
}

// Errors: not_found: that is no contract's name; invalid: all else.
Result<Wanted> parse(const Arguments& arguments) {
  Wanted wanted;
  Arguments words;
  for (size_t at = 0; at < arguments.size(); ++at) {
    const std::string& word = arguments[at];
    if (word == "--wait") {
      wanted.wait = true;
    } else if (word == "--timeout") {
      wanted.timeout = at + 1 < arguments.size() ? whole(arguments[++at]) : std::nullopt;
      if (!wanted.timeout) return fail(ErrorKind::invalid, "--timeout takes a number of seconds");
    } else if (word.starts_with("--")) {
      return fail(ErrorKind::invalid, "unknown option: " + word);
    } else {
      words.push_back(word);
    }
  }
  if (words.size() != 2) return fail(ErrorKind::invalid, "a contract and a signal are needed");
  wanted.signal = signal_from(words[1]);
  if (wanted.signal == 0) return fail(ErrorKind::invalid, "there is no signal \"" + words[1] + "\"");
  const auto id = whole(words[0]);
  if (!id || *id == 0) return fail(ErrorKind::not_found, "\"" + words[0] + "\" is no contract id");
  wanted.id = *id;
  return wanted;
}

// Whether the contract is empty at the end.
Result<bool> carry_out(control::Client& client, const Wanted& wanted) {
  const Instant begin = now();
  const bool limited = wanted.timeout && *wanted.timeout > 0;
  const Instant deadline = limited ? begin + Instant(*wanted.timeout * 1000) : Instant::max();
  for (;;) {
    auto sent = client.call("SignalContract", {{"id", wanted.id}, {"signal", wanted.signal}});
    if (!sent) return sent.error();
    if (!wanted.wait || control::bool_member(*sent, "empty", false)) return true;
    int64_t seconds = kResend;
    if (limited) seconds = std::min(seconds, ((deadline - now()).count() + 999) / 1000);
    if (seconds <= 0) return false;
    // Its own time, and what an answer may take.
    auto answer = client.call("AwaitContract", {{"id", wanted.id}, {"seconds", seconds}},
                              now() + Instant((seconds + 20) * 1000));
    if (!answer) return answer.error();
    if (control::bool_member(*answer, "empty", false)) return true;
    if (limited && now() >= deadline) return false;
  }
}

}  // namespace

int kill_contract_command(const std::string&, const Arguments& arguments) {
  Output output("vmkeep");
  if (arguments == Arguments{"--help"}) {
    output.print(kUsageText);
    return output.finish();
  }
  const auto wanted = parse(arguments);
  if (!wanted) {
    const bool nobody = wanted.error().kind == ErrorKind::not_found;
    output.warn(wanted.error().message, nobody ? kNoContract : kUsage);
    if (!nobody) std::fputs(kUsageText, stderr);
    return output.finish();
  }
  auto client = control::Client::connect();
  auto empty = client ? carry_out(*client, *wanted) : Result<bool>(client.error());
  if (!empty) {
    const Error& error = empty.error();
    const bool nobody = error.kind == ErrorKind::not_found;
    const std::string text = error.kind == ErrorKind::permission
                                 ? "contract " + std::to_string(wanted->id) + ": Permission denied."
                                 : error.message;
    output.warn(text, nobody ? kNoContract : kFailed);
  } else if (!*empty) {
    output.raise(kStillThere);
  }
  return output.finish();
}

}  // namespace vmkeep::tools
