// vmkeep-simulator: run by `vmkeep simulate`, apart from the client because it reads manifests.
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "control/remote_repository.h"
#include "tools/simulate/script.h"

namespace vmkeep::simulate {
namespace {

constexpr int kNotHeld = 1;
constexpr int kUsage = 2;

constexpr char kUsageText[] =
    "Usage: vmkeep simulate [--json] [-v] SCENARIO...\n"
    "Runs a configuration through a script of faults in virtual time, and tells what would happen.\n"
    "  --json   everything as one object a scenario\n"
    "  -v       also what the logs of the instances would say\n"
    "Exit status: 0, 1 if an expectation did not hold, 2 if a scenario makes no sense.\n"
    "See vmkeep-simulate(7); \"-\" is the standard input.\n";

Result<std::string> contents(const std::string& file) {
  std::ostringstream text;
  if (file == "-") {
    text << std::cin.rdbuf();
    return text.str();
  }
  std::ifstream in(file);
  if (!in) return errno_error("cannot read " + file);
  text << in.rdbuf();
  if (in.bad()) return errno_error("cannot read " + file);
  return text.str();
}

// A manifest's name counts from where the scenario is.
Sources sources_beside(const std::string& scenario) {
  const auto slash = scenario.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : scenario.substr(0, slash + 1);
  Sources sources;
  sources.manifest = [folder](Configuration& configuration, const std::string& file) {
    return configuration.add_manifest(file.starts_with("/") ? file : folder + file);
  };
  sources.running = [](Configuration& configuration, const std::vector<std::string>& patterns) -> Result<> {
    auto client = control::Client::connect();
    if (!client) return client.error();
    const auto repository = control::remote_repository(std::make_shared<control::Client>(std::move(*client)));
    return configuration.add_running(*repository, patterns);
  };
  return sources;
}

Result<Report> run(const std::string& file) {
  auto text = contents(file);
  if (!text) return text.error();
  auto scenario = read_scenario(file, *text, sources_beside(file));
  if (!scenario) return scenario.error();
  return simulate(file, std::move(*scenario));
}

int run_all(const std::vector<std::string>& files, bool json, bool all) {
  int status = 0;
  for (const auto& file : files) {
    auto report = run(file);
    if (!report) {
      std::cout.flush();
      std::fprintf(stderr, "vmkeep simulate: %s\n", report.error().message.c_str());
      return kUsage;
    }
    if (json) {
      std::cout << boost::json::serialize(report->json()) << '\n';
    } else {
      if (files.size() > 1) std::cout << "== " << file << '\n';
      std::cout << report->text(all);
    }
    if (!report->good()) status = kNotHeld;
  }
  std::cout.flush();
  if (!std::cout) {
    std::fputs("vmkeep simulate: cannot write to the standard output\n", stderr);
    return kUsage;
  }
  return status;
}

}  // namespace
}  // namespace vmkeep::simulate

int main(int argc, char** argv) {
  std::vector<std::string> files;
  bool json = false;
  bool all = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--json") {
      json = true;
    } else if (word == "-v") {
      all = true;
    } else if (word == "--help" || word == "-h") {
      std::fputs(vmkeep::simulate::kUsageText, stdout);
      return 0;
    } else if (word.size() > 1 && word.front() == '-') {
      files.clear();
      break;
    } else {
      files.push_back(word);
    }
  }
  if (files.empty()) {
    std::fputs(vmkeep::simulate::kUsageText, stderr);
    return vmkeep::simulate::kUsage;
  }
  return vmkeep::simulate::run_all(files, json, all);
}
