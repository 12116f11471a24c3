// svcs: the states of instances, who depends on whom, and why something does not run (spec of the
// facility, 7.1).
#include "tools/svcs.h"

#include <algorithm>

#include "tools/narrow_world.h"

namespace vmkeep::tools {
namespace {

constexpr char kUsageText[] =
    "Usage: svcs [-aHpv?] [-o col[,col]...] [-R FMRI-instance]... [-sS col]... [-z zone|-Z] [--json] "
    "[--watch]\n"
    "            [FMRI|pattern]...\n"
    "       svcs {-d|-D} [-Hpv?] [-o col[,col]...] [-sS col]... [-z zone|-Z] [--json] [FMRI|pattern]...\n"
    "       svcs {-l|-L} [-pv] [-z zone|-Z] [--json] {FMRI|pattern}...\n"
    "       svcs -n [--json] [FMRI|pattern]...\n"
    "       svcs -x [-v] [-z zone|-Z] [--json] [FMRI|pattern]...\n"
    "       svcs -?\n";

constexpr char kModes[] = "dDlLnx";

int usage(Output& output) {
  return refuse_usage(kUsageText, output);
}

int help(Output& output) {
  output.print(kUsageText);
  output.print(
      "\n\t-a  list all instances rather than only those that are enabled\n"
      "\t-d  list what the given instances depend on\n"
      "\t-D  list what depends on the given instances\n"
      "\t-H  omit the header line\n"
      "\t-l  list everything about the given instances\n"
      "\t-L  print the paths of the log files\n"
      "\t-n  list who is told about which events\n"
      "\t-o  list the given columns\n"
      "\t-p  list the processes of each instance\n"
      "\t-R  list only instances with this restarter\n"
      "\t-s  sort by this column, ascending\n"
      "\t-S  sort by this column, descending\n"
      "\t-v  list more\n"
      "\t-x  explain what does not run, and what that keeps from running\n"
      "\t-z  the named zone; there is only global\n"
      "\t-Z  all zones, with a column that names them\n"
      "\t--json   one JSON document (vmkeep-json(7))\n"
      "\t--watch  go on with a line for each change, until it is interrupted\n\n"
      "\tInstances are named by an FMRI, the end of one, or a pattern:\n"
      "\t    svcs svc:/site/xvm/vbox:vm1\n\t    svcs vbox:vm1\n\t    svcs '*vbox:*'\n\n"
      "\tColumns for -o, -s and -S:\n\n");
  for (const Column& column : all_columns()) {
    std::string name = column.name;
    name.append(8 - name.size(), ' ');
    output.line("\t" + name + column.description);
  }
  return output.finish();
}

// Reads -o, -s and -S; false: an error was told.
bool take_columns(const CommandLine& line, SvcsRequest& request, Output& output) {
  for (const std::string& list : line.all('o')) {
    for (size_t begin = 0; begin <= list.size();) {
      const size_t end = std::min(list.find(',', begin), list.size());
      const std::string name = list.substr(begin, end - begin);
      begin = end + 1;
      if (name.empty()) continue;
      const Column* column = column_named(name);
      if (column == nullptr) {
        output.warn("Unknown column \"" + name + "\".", kUsage);
        return false;
      }
      request.columns.emplace_back(column->name);
    }
  }
  if (line.has('o') && request.columns.empty()) {
    output.warn("No columns specified.", kUsage);
    return false;
  }
  for (const Option& option : line.options) {
    if (option.letter != 's' && option.letter != 'S') continue;
    const Column* column = column_named(option.value);
    if (column == nullptr) {
      output.warn("Unrecognized sort column \"" + option.value + "\".", kUsage);
      return false;
    }
    request.keys.push_back({column->name, option.letter == 'S'});
  }
  return true;
}

// The combinations that 7.1 allows.
bool is_allowed(const CommandLine& line, const SvcsRequest& request) {
  const char mode = request.mode;
  const auto any = [&](const char* letters) {
    return std::any_of(letters, letters + std::char_traits<char>::length(letters),
                       [&](char c) { return line.has(c); });
  };
  if (std::count_if(std::begin(kModes), std::end(kModes) - 1, [&](char c) { return line.has(c); }) > 1)
    return false;
  if (line.has('z') && line.has('Z')) return false;
  if (mode != 'p' && (any("aR") || request.watch)) return false;
  if ((mode == 'l' || mode == 'L' || mode == 'n' || mode == 'x') && any("sSoH")) return false;
  if ((mode == 'x' || mode == 'L' || mode == 'n' || request.watch) && line.has('p')) return false;
  // Columns and headers are for people.
  if (request.json && any("oH")) return false;
  return (mode != 'l' && mode != 'L') || !line.operands.empty();
}

// svcs -a, which people type on hosts with thousands of instances: only a description has to be looked up.
bool is_brief(const SvcsRequest& request) {
  const auto is_looked_up = [](const std::string& column) { return column == "DESC"; };
  const auto is_key_looked_up = [](const auto& key) { return key.column == "DESC"; };
  return request.mode == 'p' && request.all && request.operands.empty() && request.restarters.empty() &&
         !request.json && !request.processes &&
         std::none_of(request.columns.begin(), request.columns.end(), is_looked_up) &&
         std::none_of(request.keys.begin(), request.keys.end(), is_key_looked_up);
}

int answer(const SvcsRequest& request, Output& output) {
  auto connected = control::Client::connect();
  if (!connected) {
    output.warn("Could not bind to repository server: " + connected.error().message + ".  Exiting.");
    return output.finish();
  }
  if (request.watch) return watch_instances(request, output);
  const auto client = std::make_shared<control::Client>(std::move(*connected));
  // How dependencies stand, and why something does not run, is a question about all of them.
  const bool alone = request.mode == 'p' || request.mode == 'L' || request.mode == 'n';
  auto world = is_brief(request) ? fetch_brief_world(*client)
               : alone && request.mode != 'n' && !request.operands.empty()
                   ? fetch_world_of(*client, request.operands)
                   : fetch_world(*client, !alone);
  if (!world) {
    output.warn(world.error().message);
    return output.finish();
  }
  switch (request.mode) {
    case 'd':
      return print_table(request, dependency_rows(request, *world, output), *client, output);
    case 'D':
      return print_table(request, dependent_rows(request, *world, output), *client, output);
    case 'l':
    case 'L':
      return print_list(request, *world, client, output);
    case 'n':
      return print_notifications(request, *world, client, output);
    case 'x':
      return print_explanation(request, *world, client, output);
    default:
      return print_table(request, plain_rows(request, *world, output), *client, output);
  }
}

}  // namespace

int svcs(const Arguments& arguments) {
  Output output("svcs");
  Arguments rest = arguments;
  SvcsRequest request;
  request.json = take_long_option(rest, "--json");
  request.watch = take_long_option(rest, "--watch");
  const auto line = parse_options(rest, "aHpvdDlLnxo:R:s:S:z:Z?");
  if (!line) {
    output.warn(line.error().message, kUsage);
    return usage(output);
  }
  if (line->has('?')) return help(output);
  for (const char* letter = kModes; *letter != '\0'; ++letter) {
    if (line->has(*letter)) request.mode = *letter;
  }
  if (!is_allowed(*line, request)) return usage(output);
  request.all = line->has('a');
  request.header = !line->has('H');
  request.processes = line->has('p');
  request.verbose = line->has('v');
  request.zones = line->has('Z');
  request.zone = request.zones || line->has('z');
  request.restarters = line->all('R');
  request.operands = line->operands;
  if (!take_columns(*line, request, output)) return output.finish();
  if (!is_our_zone(*line, output)) return output.finish();
  if (request.all && !request.operands.empty()) output.warn("-a ignored when used with arguments.", kOk);
  return answer(request, output);
}

}  // namespace vmkeep::tools
