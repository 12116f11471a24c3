// What svcs was asked for, and its parts: who is listed (svcs_rows.cpp), what is told of them
// (svcs_show.cpp), and changes as they come (svcs_watch.cpp).  Spec of the facility, 7.1; --json and --watch
// are ours (vmkeep-json(7)).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/columns.h"
#include "tools/tool.h"
#include "tools/world.h"

namespace vmkeep::tools {

struct SvcsRequest {
  char mode = 'p';  // plain, or one of d D l L n x
  bool all = false, header = true, processes = false, verbose = false;
  bool zone = false;   // -z or -Z: -l and -x name it
  bool zones = false;  // -Z: a list has a column with it
  bool json = false, watch = false;
  std::vector<std::string> columns;  // as -o names them; empty: the usual ones
  std::vector<SortKey> keys;
  std::vector<std::string> restarters;
  Arguments operands;
};

using Rows = std::vector<const control::InstanceMessage*>;

// In the order of the names; those that are not there are left out.
Rows rows_of(const std::vector<std::string>& names, const World& world);
// Plain svcs.
Rows plain_rows(const SvcsRequest& request, const World& world, Output& output);
// -d: what the selected instances depend on, services as their instances.
Rows dependency_rows(const SvcsRequest& request, const World& world, Output& output);
// -D: what depends on the selected instances or services.
Rows dependent_rows(const SvcsRequest& request, const World& world, Output& output);
// Whether a plain svcs that begins now would list it.
bool is_listed(const SvcsRequest& request, const control::InstanceMessage& instance);

// -o, or what stands for it.
std::vector<std::string> columns_of(const SvcsRequest& request);
void sort_rows(const SvcsRequest& request, const Table& table, Rows& rows);

int print_table(const SvcsRequest& request, Rows rows, control::Client& client, Output& output);
// -l and -L.
int print_list(const SvcsRequest& request, const World& world, const std::shared_ptr<control::Client>& client,
               Output& output);
// -x.
int print_explanation(const SvcsRequest& request, const World& world,
                      const std::shared_ptr<control::Client>& client, Output& output);
// -n.
int print_notifications(const SvcsRequest& request, const World& world,
                        const std::shared_ptr<control::Client>& client, Output& output);
// --watch: does not return before the daemon is gone, or nobody reads any more.
int watch_instances(const SvcsRequest& request, Output& output);

}  // namespace vmkeep::tools
