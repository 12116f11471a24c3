// What the tests of the store share: a folder that goes away, short ways to write changes, and the whole
// contents of a repository as text.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "repository/store.h"

namespace vmkeep::repository::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    // In memory where that is possible: syncing a disk thousands of times proves nothing here.
    const bool shm = access("/dev/shm", W_OK) == 0;
    const auto parent = shm ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path();
    std::string name = (parent / "vmkeep-store-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) abort();
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  StoreOptions options(const std::string& boot_id = "boot-1") const {
    return {file("repository.db"), file("volatile.db"), boot_id, true};
  }

 private:
  std::string path_;
};

using Store = std::unique_ptr<Repository>;

inline Store open_or_die(const StoreOptions& options) {
  auto store = open_store(options);
  if (!store) {
    ADD_FAILURE() << store.error().message;
    abort();
  }
  return std::move(*store);
}

inline fmri::Fmri name(const std::string& text) {
  return fmri::Fmri::parse(text).value();
}

inline Property text(std::vector<std::string> values) {
  return {ValueType::astring, std::move(values)};
}

inline PropertyGroup group(std::string name, std::map<std::string, Property, std::less<>> properties,
                           bool persistent = true) {
  return {std::move(name), "application", persistent, 0, std::move(properties)};
}

inline SetProperty set(const std::string& entity, std::string group, std::string property, std::string value,
                       bool persistent = true) {
  return {name(entity), std::move(group),    "framework",
          persistent,   std::move(property), text({std::move(value)})};
}

inline std::string dump(const Groups& groups, bool generations) {
  std::string out;
  for (const auto& [name, group] : groups) {
    out += "    " + name + " " + group->type + (group->persistent ? "" : " volatile");
    if (generations) out += " #" + std::to_string(group->generation);
    out += "\n";
    for (const auto& [property, values] : group->properties) {
      out += "      " + property + " " + std::string(to_string(values.type));
      for (const auto& value : values.values) out += " " + fmri::quote(value);
      out += "\n";
    }
  }
  return out;
}

inline std::string dump(const Levels& levels, bool generations) {
  return "   own\n" + dump(levels.own, generations) + "   service\n" + dump(levels.service, generations);
}

// Everything that one can ask a repository.
inline std::string dump(Repository& store, bool generations = true) {
  std::string out;
  for (const auto& entry : store.entries().value()) {
    const fmri::Fmri service{entry.service, {}, {}, {}};
    out += service.str() + "\n" + dump(store.read(service).value(), generations);
    for (const auto& instance : entry.instances) {
      const fmri::Fmri fmri{entry.service, instance, {}, {}};
      out += fmri.str() + "\n" + dump(store.read(fmri).value(), generations);
      for (const auto& snapshot : store.snapshots(fmri).value())
        out += "  @" + snapshot + "\n" + dump(store.read_snapshot(fmri, snapshot).value(), generations);
    }
  }
  return out;
}

}  // namespace vmkeep::repository::testing
