// Which models a server of OpenAI's API has, and how it is asked for JSON: one that is busy or
// loads its model says when to come back, and then it is asked again.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/http_client.h"
#include "base/json.h"

namespace puna {

struct ServerModel {
  std::string name;
  int max_model_len = 0;  // 0: not known
};

// Both http://host:8000 and the base URL of OpenAI's clients, http://host:8000/v1: the first.
std::string without_version(std::string url);

// Of /v1/models; at least one.
Result<std::vector<ServerModel>> models_of(HttpClient& client);
std::string names_of(const std::vector<ServerModel>& models);

// The reply to a POST of `request`, or to a GET when that is empty.
Result<Json> json_reply(HttpClient& client, const std::string& path, const std::string& request);

// What the server says of a reply that is no success.
Status status_of(const HttpClient& client, const HttpClient::Reply& reply, std::string_view body);

// Waits for as long as the server says when to ask again; `refused` is what it says why.
class Patience {
 public:
  using GoesOn = std::function<bool()>;

  // `goes_on` outlives it.
  explicit Patience(const GoesOn& goes_on) : goes_on_(goes_on) {}

  // False: the refusal stands. kCancelled: the person has stopped waiting.
  Result<bool> waits(const HttpClient::Reply& reply, std::string_view body, const Status& refused);

 private:
  const GoesOn& goes_on_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace puna
