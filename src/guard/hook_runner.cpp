#include "guard/hook_runner.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "base/command.h"

namespace vmkeep::guard {
namespace {

constexpr size_t kOutput = 8U << 10U;
constexpr size_t kLine = 200;

std::string put_together(const CommandResult& result) {
  std::string text = result.out;
  if (!text.empty() && text.back() != '\n' && !result.err.empty()) text += '\n';
  text += result.err;
  return text.size() > kOutput ? text.substr(text.size() - kOutput) : text;
}

}  // namespace

HookRunner::HookRunner(Reaper& reaper, std::vector<std::string> environment, const std::string& folder)
    : reaper_(reaper), environment_(std::move(environment)) {
  if (folder.empty() || !make_folders(folder, 0755)) return;
  // What an earlier guard's hooks are still doing would be there twice.  A kernel without cgroup.kill has the
  // hooks' own time limit left.
  [[maybe_unused]] const auto killed = write_existing(folder + "/cgroup.kill", "1");
  std::error_code busy;  // one that is still dying goes with the next guard
  for (const auto& entry : std::filesystem::directory_iterator(folder, busy)) {
    if (entry.is_directory(busy)) std::filesystem::remove(entry.path(), busy);
  }
  // A leaf of this guard's own: Linux 6.13 and later kill whatever is born into a cgroup that was killed
  // before.
  const std::string leaf = folder + "/" + std::to_string(::getpid());
  if (!make_folders(leaf, 0755)) return;
  if (auto opened = open_file(leaf, O_RDONLY | O_DIRECTORY)) leaf_ = std::move(*opened);
}

Task<Result<HookRun>> HookRunner::run(std::vector<std::string> argv, std::vector<std::string> environment,
                                      Instant deadline) {
  SpawnSpec spec;
  spec.argv = std::move(argv);
  spec.environment = environment_;
  spec.environment.insert(spec.environment.end(), environment.begin(), environment.end());
  spec.cgroup = leaf_.get();
  CommandOptions options;
  options.limit = kOutput;
  options.tail = true;
  options.whole_group = true;
  const auto slot = running_.insert(running_.end(), -1);
  options.pid = &*slot;
  auto result = co_await run_command(reaper_, std::move(spec), deadline, options);
  running_.erase(slot);
  if (!result) co_return result.error();
  HookRun run;
  run.timed_out = result->timed_out;
  run.output = put_together(*result);
  if (run.timed_out) {
    run.code = 1;
  } else {
    run.code = result->status.exited() ? result->status.code() : 128 + result->status.signal();
  }
  co_return run;
}

void HookRunner::end_all() {
  for (const pid_t pid : running_) {
    if (pid > 0) ::kill(-pid, SIGKILL);
  }
}

std::vector<std::string> last_lines(const std::string& text, size_t count) {
  std::vector<std::string> lines;
  std::string line;
  const auto end = [&] {
    if (!line.empty()) lines.push_back(line);
    line.clear();
  };
  for (const char c : text) {
    const bool control = (c >= 0 && c < ' ') || c == '\x7f';
    if (c == '\n') {
      end();
    } else if (line.size() < kLine) {
      line += control ? ' ' : c;
    }
  }
  end();
  if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(count));
  return lines;
}

}  // namespace vmkeep::guard
