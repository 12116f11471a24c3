#include "control/connection.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <chrono>

#include "base/version.h"
#include "control/description.h"
#include "control/json_text.h"
#include "control/messages.h"
#include "control/text.h"

namespace vmkeep::control {
namespace {

namespace json = boost::json;
constexpr auto kQuiet = asio::as_tuple(asio::use_awaitable);

constexpr size_t kTrustedMessage = 64U << 20U;
constexpr size_t kMessage = 1U << 20U;
// What may wait for a slow reader before the next reply closes it.  One reply may be longer.
constexpr size_t kOutput = 4U << 20U;
constexpr size_t kChunk = 256U << 10U;
constexpr auto kStalled = std::chrono::seconds(60);

constexpr char kService[] = "org.varlink.service";
constexpr char kOurs[] = "org.vmkeep";
constexpr char kServiceDescription[] = R"(# What every varlink service answers.
interface org.varlink.service

method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)
method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)
error MethodNotFound (method: string)
error MethodNotImplemented (method: string)
error InvalidParameter (parameter: string)
)";

bool has_method(const std::string& method) {
  return std::string_view(kDescription).find("\nmethod " + method + "(") != std::string_view::npos;
}

}  // namespace

Connection::Connection(Socket socket, const Peer& peer, Taker taker)
    : socket_(std::move(socket)),
      progress_(socket_.get_executor()),
      peer_(peer),
      taker_(std::move(taker)),
      closed_(socket_.get_executor()),
      output_ready_(socket_.get_executor()) {}

void Connection::run() {
  start(socket_.get_executor(), read(shared_from_this()));
  start(socket_.get_executor(), write(shared_from_this()));
}

void Connection::close() {
  if (!open_) return;
  open_ = false;
  boost::system::error_code ignored;
  socket_.close(ignored);
  progress_.cancel();
  output_.clear();
  output_size_ = 0;
  closed_.notify();
  output_ready_.notify();
}

size_t Connection::limit() const {
  return peer_.uid == 0 || peer_.uid == ::geteuid() ? kTrustedMessage : kMessage;
}

Task<> Connection::until_closed(std::shared_ptr<Connection> self) {
  while (self->open_) co_await self->closed_.wait();
}

// Reads on while a call is handled, for that is how a client's end is seen.
Task<> Connection::read(std::shared_ptr<Connection> self) {
  std::string chunk(65536, '\0');
  while (self->open_) {
    const auto [error, n] = co_await self->socket_.async_read_some(asio::buffer(chunk), kQuiet);
    if (error || !self->open_) break;
    if (self->ending_) continue;
    self->input_.append(chunk, 0, n);
    self->dispatch();
    if (self->input_.size() > self->limit()) self->refuse("the call is longer than this peer's may be");
  }
  // Who has a call under way and ends is gone.  Otherwise what was answered is still written: a client may
  // have closed only its sending side, and a refused one must hear why.
  if (self->busy_) self->close();
  self->ending_ = true;
  self->output_ready_.notify();
}

Task<> Connection::write(std::shared_ptr<Connection> self) {
  while (self->open_) {
    if (self->output_.empty()) {
      if (self->ending_) break;
      co_await self->output_ready_.wait();
      continue;
    }
    const std::string text = std::move(self->output_.front());
    self->output_.pop_front();
    size_t sent = 0;
    while (self->open_ && sent < text.size()) {
      self->progress_.expires_after(kStalled);
      self->progress_.async_wait([weak = self->weak_from_this()](const boost::system::error_code& ended) {
        if (const auto stalled = weak.lock(); stalled && !ended) stalled->close();
      });
      const auto part = asio::buffer(text.data() + sent, std::min(kChunk, text.size() - sent));
      const auto [error, n] = co_await self->socket_.async_write_some(part, kQuiet);
      if (error) self->close();
      sent += n;
    }
    self->progress_.cancel();
    self->output_size_ -= std::min(self->output_size_, text.size());
  }
  self->close();
}

void Connection::dispatch() {
  // A reply that is given at once leads here again; the loop below goes on then.
  if (dispatching_) return;
  dispatching_ = true;
  while (open_ && !ending_ && !busy_) {
    const size_t end = input_.find('\0', looked_at_);
    if (end == std::string::npos) {
      looked_at_ = input_.size();
      break;
    }
    const std::string message = input_.substr(0, end);
    input_.erase(0, end + 1);
    looked_at_ = 0;
    take(message);
  }
  dispatching_ = false;
}

void Connection::take(std::string_view message) {
  if (message.size() > limit()) return refuse("the call is longer than this peer's may be");
  boost::system::error_code error;
  json::value value = json::parse(message, error);
  if (error) return refuse("the call is no JSON: " + error.message());
  if (!value.is_object()) return refuse("the call is no JSON object");
  take_call(value.get_object());
}

void Connection::take_call(json::object& message) {
  auto method = string_member(message, "method");
  if (!method) return refuse("the call has no \"method\"");
  const json::value* given = message.if_contains("parameters");
  if (given != nullptr && !given->is_object() && !given->is_null()) {
    return refuse("the \"parameters\" of the call are no object");
  }
  busy_ = true;
  ++serial_;
  oneway_ = bool_member(message, "oneway", false);
  Call call;
  call.serial = serial_;
  call.more = bool_member(message, "more", false);
  call.peer = peer_;
  call.connection = shared_from_this();
  if (given != nullptr && given->is_object()) call.parameters = given->get_object();

  const size_t dot = method->rfind('.');
  const std::string interface = dot == std::string::npos ? "" : method->substr(0, dot);
  call.method = dot == std::string::npos ? *method : method->substr(dot + 1);
  if (interface == kService && answer_service(call.method, call.parameters)) return;
  if (interface != kService && interface != kOurs) {
    send_error("org.varlink.service.InterfaceNotFound", {{"interface", interface}});
    return finish();
  }
  if (interface == kService || !has_method(call.method)) {
    send_error("org.varlink.service.MethodNotFound", {{"method", *method}});
    return finish();
  }
  taker_(std::move(call));
}

bool Connection::answer_service(const std::string& method, const json::object& parameters) {
  if (method == "GetInfo") {
    send({{"parameters",
           {{"vendor", "vmkeep"},
            {"product", "vmkeepd"},
            {"version", kVersion},
            {"url", ""},
            {"interfaces", json::array{kService, kOurs}}}}});
  } else if (method == "GetInterfaceDescription") {
    auto interface = string_member(parameters, "interface");
    if (!interface) {
      send_error("org.varlink.service.InvalidParameter", {{"parameter", "interface"}});
    } else if (*interface == kOurs) {
      send({{"parameters", {{"description", kDescription}}}});
    } else if (*interface == kService) {
      send({{"parameters", {{"description", kServiceDescription}}}});
    } else {
      send_error("org.varlink.service.InterfaceNotFound", {{"interface", *interface}});
    }
  } else {
    return false;
  }
  finish();
  return true;
}

void Connection::send(const json::object& message) {
  if (!open_ || oneway_) return;
  std::string text = json::serialize(message);
  if (!is_utf8(text)) text = as_utf8(text);  // else the client could not read the rest either
  send_text(std::move(text));
}

void Connection::send_text(std::string text) {
  if (!open_ || oneway_) return;
  if (output_size_ > kOutput) return close();
  text.push_back('\0');
  output_size_ += text.size();
  output_.push_back(std::move(text));
  output_ready_.notify();
}

void Connection::send_error(const std::string& name, json::object parameters) {
  send({{"error", name}, {"parameters", std::move(parameters)}});
}

void Connection::refuse(const std::string& why) {
  if (ending_) return;
  oneway_ = false;
  busy_ = false;
  send_error(error_name(ErrorKind::invalid), {{"message", why}});
  ending_ = true;
  input_.clear();
  looked_at_ = 0;
  output_ready_.notify();
}

void Connection::finish() {
  busy_ = false;
  oneway_ = false;
  dispatch();
}

void Connection::reply(const Call& call, json::object parameters, bool continues) {
  if (!busy_ || call.serial != serial_ || ending_) return;
  if (continues) {
    // Who did not ask for more gets the last reply only.
    if (call.more) send({{"parameters", std::move(parameters)}, {"continues", true}});
    return;
  }
  send({{"parameters", std::move(parameters)}});
  finish();
}

void Connection::reply_text(const Call& call, std::string_view parameters) {
  if (!busy_ || call.serial != serial_ || ending_) return;
  send_text(std::string("{\"parameters\":").append(parameters).append("}"));
  finish();
}

void reply_text(const Call& call, std::string_view parameters) {
  call.connection->reply_text(call, parameters);
}

void Connection::fail(const Call& call, const Error& error) {
  if (!busy_ || call.serial != serial_ || ending_) return;
  send_error(error_name(error.kind), {{"message", error.message}});
  finish();
}

}  // namespace vmkeep::control
