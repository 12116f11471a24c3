// A call of the simulated driver that is under way, and may be abandoned.
#pragma once

#include <list>
#include <string>
#include <utility>

#include "hypervisor/simulated/driver.h"

namespace vmkeep::hypervisor::simulated {

struct Driver::Call {
  std::string uuid;
  Signal ended;
  bool abandoned = false;
  Readiness* readiness = nullptr;
  std::list<Call*>* calls;  // null once the driver is gone

  Call(Driver& driver, std::string vm) : uuid(std::move(vm)), ended(driver.executor_), calls(&driver.calls_) {
    calls->push_back(this);
  }
  ~Call() {
    if (calls != nullptr) calls->remove(this);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  void abandon() {
    abandoned = true;
    ended.notify();
    if (readiness != nullptr) readiness->cancel();
  }
};

}  // namespace vmkeep::hypervisor::simulated
