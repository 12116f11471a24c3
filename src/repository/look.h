// A look into a repository that is in this process's memory, without the copies that read() makes.
#pragma once

#include <optional>
#include <string_view>

#include "repository/repository.h"

namespace vmkeep::repository {

// What read() gives; the pointers hold until the next commit.
struct View {
  const Groups* own = nullptr;
  const Groups* service = nullptr;  // null for a service

  // One property, composed.
  std::optional<std::string_view> value(std::string_view group, std::string_view property) const;
};

// A repository that can be looked into.  One that stands before another passes it on.
class InMemory {
 public:
  virtual ~InMemory() = default;
  virtual std::optional<View> look(const fmri::Fmri& entity) const = 0;
};

// Nothing: there is no such entity, or `repository` is not InMemory.
std::optional<View> look(const Repository& repository, const fmri::Fmri& entity);

}  // namespace vmkeep::repository
