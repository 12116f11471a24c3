// The repository of a running vmkeepd, over its control socket.
#pragma once

#include <memory>

#include "control/client.h"
#include "repository/repository.h"

namespace vmkeep::control {

std::unique_ptr<repository::Repository> remote_repository(std::shared_ptr<Client> client);

}  // namespace vmkeep::control
