// One connection to the control socket: frames, answers what varlink itself asks, hands the rest over one
// call at a time, and carries replies with bounded buffering.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/object.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/server.h"

namespace vmkeep::control {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = asio::local::stream_protocol::socket;
  using Taker = std::function<void(Call)>;

  Connection(Socket socket, const Peer& peer, Taker taker);

  void run();
  void close();
  bool open() const { return open_; }
  const Peer& peer() const { return peer_; }

  // Replies to a call that is not the current one any more are dropped.
  void reply(const Call& call, boost::json::object parameters, bool continues);
  void reply_text(const Call& call, std::string_view parameters);
  void fail(const Call& call, const Error& error);

  static Task<> until_closed(std::shared_ptr<Connection> self);

 private:
  static Task<> read(std::shared_ptr<Connection> self);
  static Task<> write(std::shared_ptr<Connection> self);

  void dispatch();  // the next call, if none is being handled
  void take(std::string_view message);
  void take_call(boost::json::object& message);
  bool answer_service(const std::string& method, const boost::json::object& parameters);
  void send(const boost::json::object& message);
  void send_text(std::string text);
  void send_error(const std::string& name, boost::json::object parameters);
  void refuse(const std::string& why);  // an error reply, and the end
  void finish();                        // the current call is answered
  size_t limit() const;                 // of one message of this peer

  Socket socket_;
  asio::steady_timer progress_;  // a peer that does not read is closed when this ends
  Peer peer_;
  Taker taker_;
  Signal closed_, output_ready_;
  std::string input_;
  size_t looked_at_ = 0;  // of input_, for the end of a message
  std::deque<std::string> output_;
  size_t output_size_ = 0;
  uint64_t serial_ = 0;  // of the current call
  bool busy_ = false;    // a call is being handled
  bool dispatching_ = false;
  bool oneway_ = false;
  bool open_ = true;
  bool ending_ = false;  // takes no more calls; closes as soon as the output is written
};

}  // namespace vmkeep::control
